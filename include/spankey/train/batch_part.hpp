// One part of the batches of a training: what a trainer is told where its model sees only that part.
//
// A batch of n samples a group is cut into P equal parts, P a power of two; part i has the samples [i n/P, (i+1) n/P). Each
// part is trained on by a model and a trainer of its own, with the samples, keys and random numbers that one process would
// give them. Whatever sums over the batch is summed along one binary tree over the parts, so that P alone, not the number of
// processes (train/part_team.hpp, train/ranks.hpp) or threads, decides about the bits. The gradients, each part's means,
// become sum / P: an exact factor.
// Gradients are summed in buckets, from the last layer to the first, each while the backward pass goes on: what begin_add()
// was given is not touched before finish_adds().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/core/memory.hpp"
#include "spankey/core/part_sums.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

class batch_part : public part_sums {
 public:
  /// Of parts(), from 0. Part 0 is the one that writes files.
  [[nodiscard]] virtual index_t number() const = 0;

  /// Begins the same for gradients: as add(), but what goes from process to process may be rounded (gradient_format).
  virtual void begin_add(std::span<float> gradients) = 0;
  /// Waits until all that was begun is summed.
  virtual void finish_adds() = 0;
  /// What was begun is given up, where this part has failed: its memory is then nobody else's. The parts can only end.
  virtual void abandon_adds() = 0;
  /// Part 0's bytes for all of them.
  virtual void broadcast(std::span<std::byte> bytes) = 0;

 protected:
  ~batch_part() = default;
};

/// The mean of all parts' gradients for every part. A backward pass that watches it (objective::watch) has the gradients of
/// its last layers summed while it computes those of the first.
template <class Model>
class gradient_sum final : public gradient_watch {
  using T = typename Model::master;

 public:
  /// Numbers that are summed at a time, 2 MiB: messages large enough for their latency not to count, and few left over when
  /// the backward pass ends.
  static constexpr std::size_t usual_bucket = std::size_t{1} << 19;

  gradient_sum(Model& model, batch_part& part, std::size_t bucket = usual_bucket)
      : model_(model), part_(part), bucket_(bucket) {}
  gradient_sum(const gradient_sum&) = delete;
  gradient_sum& operator=(const gradient_sum&) = delete;
  ~gradient_sum() {
    if (begun_ > 0) part_.abandon_adds();
  }

  void on_gradients(std::size_t entry) override {
    if (taken_.empty()) begin();
    if constexpr (requires { model_.for_each_parameter_of(entry, [](const scope&, parameter<T>&) {}); })
      model_.for_each_parameter_of(entry, [&](const scope&, parameter<T>& p) { take(p); });
  }
  /// What a backward pass told nothing of is added now; then all gradients are the mean.
  void finish() {
    if (taken_.empty()) begin();
    if (count_ < all_.size())
      model_.for_each_parameter([&](const scope&, parameter<T>& p) {
        if (std::find(taken_.begin(), taken_.end(), &p) == taken_.end()) take(p);
      });
    if (begun_ < all_.size()) part_.begin_add(std::span(all_).subspan(begun_));
    part_.finish_adds();
    begun_ = 0;
    const float share = 1.0F / static_cast<float>(part_.parts());
    auto at = all_.begin();
    for (const parameter<T>* const p : taken_)
      for (index_t i = 0; i < p->dims.size(); ++i) p->gradient.data[i] = static_cast<T>(*at++ * share);
    taken_.clear();
  }

 private:
  void begin() {
    std::size_t count = 0;
    model_.for_each_parameter([&](const scope&, const parameter<T>& p) {
      if (!p.frozen) count += static_cast<std::size_t>(p.dims.size());
    });
    all_.resize(count);
    count_ = 0;
  }
  void take(parameter<T>& p) {
    if (p.frozen) return;
    taken_.push_back(&p);
    const auto size = static_cast<std::size_t>(p.dims.size());
    for (std::size_t i = 0; i < size; ++i) all_[count_ + i] = static_cast<float>(p.gradient.data[i]);
    count_ += size;
    for (; count_ - begun_ >= bucket_; begun_ += bucket_)
      part_.begin_add(std::span(all_).subspan(begun_, bucket_));
  }

  Model& model_;
  batch_part& part_;
  std::size_t bucket_;
  std::vector<float> all_;
  std::vector<parameter<T>*> taken_;   // in the order of their gradients in all_
  std::size_t count_ = 0, begun_ = 0;  // of all_: what is there, and what is being summed
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
