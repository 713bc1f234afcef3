// One small training run and what it comes to: the outcome that a run must have whatever else goes on in the process.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/train/trainer.hpp"

namespace spankey::test {

using small_network = small_cnn<4, gate<runtime, at<0, 2>>, backend::cpu, float>;

inline constexpr std::array<std::uint64_t, 4> run_seeds = {11, 12, 13, 14};

/// Drawn bytes; data sets of different seeds have nothing in common.
inline image_dataset drawn_images(index_t count, std::uint64_t seed) {
  image_dataset data{"drawn", {1, 28, 28}, 3, {}, {}, {0.5F}, {0.25F}};
  const random_source random(seed, stream::glyphs);
  for (index_t i = 0; i < count; ++i) data.labels.push_back(static_cast<std::uint8_t>(i % 3));
  for (index_t i = 0; i < count * data.sample.size(); ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(random.below(static_cast<std::uint64_t>(i), 256)));
  return data;
}

/// Every parameter and statistic after one epoch of two steps, in an arena of its own.
inline std::vector<float> trained_weights(std::uint64_t seed) {
  const image_dataset data = drawn_images(12, seed);
  const objective<reject_class> goal{.classes = 3, .weight = 0.1, .on = deny_on::wrong_and_none};
  training_options options{.epochs = 1, .batch = 6, .seed = seed, .rate = {.learning_rate = 0.05}};
  options.augment = {};
  const auto model = std::make_unique<small_network>();
  set_gate(*model, runtime{injector_kind::multiplicative, 2}, at<0, 2>::numbers);
  key_space keys({.subspace_dim = 3, .seed = seed}, sites_of<small_network>(at<0, 2>::numbers));
  const arena memory(*model, goal.groups() * options.batch);
  initialise(*model, seed);
  silent_observer observer;
  trainer(*model, goal, &keys, data, options).run(observer);
  std::vector<float> weights;
  model->for_each_parameter([&](const scope&, auto& p) {
    weights.insert(weights.end(), p.value.data, p.value.data + p.value.count);
  });
  model->for_each_state([&](const scope&, auto& s) {
    weights.insert(weights.end(), s.value.data, s.value.data + s.value.count);
  });
  return weights;
}

/// What runs came to, from any thread. Its lock also tells a ThreadSanitizer that does not see how a pool of threads
/// ends its loop that these numbers were handed over.
class outcomes {
 public:
  void add(std::size_t run, std::vector<float> weights) {
    const std::lock_guard lock(mutex_);
    weights_[run] = std::move(weights);
  }
  [[nodiscard]] std::array<std::vector<float>, run_seeds.size()> all() {
    const std::lock_guard lock(mutex_);
    return weights_;
  }

 private:
  std::mutex mutex_;
  std::array<std::vector<float>, run_seeds.size()> weights_;
};

/// The four runs, one after the other; the same object for every test.
inline const std::array<std::vector<float>, run_seeds.size()>& weights_alone() {
  static const auto all = [] {
    std::array<std::vector<float>, run_seeds.size()> made;
    for (std::size_t run = 0; run < run_seeds.size(); ++run) made[run] = trained_weights(run_seeds[run]);
    return made;
  }();
  return all;
}

}  // namespace spankey::test
