// One part of the batches of a training: what a trainer is told where its model sees only that part.
//
// A batch of n samples a group is cut into P equal parts, P a power of two; part i has the samples [i n/P, (i+1) n/P). Each
// part is trained on by a model and a trainer of its own, with the samples, keys and random numbers that one process would
// give them. Whatever sums over the batch is summed along one binary tree over the parts, so that P alone, not the number of
// processes (train/part_team.hpp, train/ranks.hpp) or threads, decides about the bits. The gradients, each part's means,
// become sum / P: an exact factor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/core/memory.hpp"
#include "spankey/core/part_sums.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

class batch_part : public part_sums {
 public:
  /// Of parts(), from 0. Part 0 is the one that writes files.
  [[nodiscard]] virtual index_t number() const = 0;

  using part_sums::add;
  /// The same for gradients: as add(numbers), but what goes from process to process may be rounded (gradient_format).
  virtual void add(std::span<float> gradients) = 0;
  /// Part 0's bytes for all of them.
  virtual void broadcast(std::span<std::byte> bytes) = 0;

 protected:
  ~batch_part() = default;
};

/// The mean of all parts' gradients for every part, in one message.
class gradient_sum {
 public:
  template <class Model>
  void operator()(Model& model, batch_part& part) {
    using T = typename Model::master;
    std::size_t count = 0;
    model.for_each_parameter([&](const scope&, parameter<T>& p) {
      if (!p.frozen) count += static_cast<std::size_t>(p.dims.size());
    });
    all_.resize(count);
    auto at = all_.begin();
    model.for_each_parameter([&](const scope&, parameter<T>& p) {
      if (p.frozen) return;
      for (index_t i = 0; i < p.dims.size(); ++i) *at++ = static_cast<float>(p.gradient.data[i]);
    });
    part.add(std::span<float>(all_));
    at = all_.begin();
    const float share = 1.0F / static_cast<float>(part.parts());
    model.for_each_parameter([&](const scope&, parameter<T>& p) {
      if (p.frozen) return;
      for (index_t i = 0; i < p.dims.size(); ++i) p.gradient.data[i] = static_cast<T>(*at++ * share);
    });
  }

 private:
  std::vector<float> all_;
};

/// Makes every part's parameters, optimizer state and running statistics those of part 0. Of models in the host's memory.
template <class Model>
void broadcast_state(Model& model, batch_part& part) {
  using T = typename Model::master;
  const auto send = [&](const auto& tensor) {
    if (tensor.data != nullptr)
      part.broadcast(
          std::as_writable_bytes(std::span<T>(tensor.data, static_cast<std::size_t>(tensor.count))));
  };
  model.for_each_parameter([&](const scope&, parameter<T>& p) {
    send(p.value), send(p.momentum), send(p.second_moment), send(p.average);
  });
  model.for_each_state([&](const scope&, state<T>& s) { send(s.value); });
}

}  // namespace spankey
