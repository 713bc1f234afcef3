// Sums over the parts into which a batch is cut (train/batch_part.hpp).
//
// A batch of n samples a group is cut into P equal parts, each with a model of its own. What couples samples is a sum over
// all of them: of batch norm, of the loss, of gradients. add() makes each part's numbers that sum, the same bits in every
// part, whatever process holds it: the parts are the leaves of a fixed binary tree.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "spankey/core/shape.hpp"

namespace spankey {

class part_sums {
 public:
  /// All P of them.
  [[nodiscard]] virtual index_t parts() const = 0;
  /// Every part calls it in the same order with as many numbers.
  virtual void add(std::span<double> numbers) = 0;

  /// Memory for `count` numbers, until the next call: after the first step nothing is allocated.
  [[nodiscard]] std::span<double> room(std::size_t count) {
    if (room_.size() < count) room_.resize(count);
    return {room_.data(), count};
  }

 protected:
  ~part_sums() = default;

 private:
  std::vector<double> room_;
};

}  // namespace spankey
