// A model without weights that writes down what reaches it, and a small data set whose images carry their
// number: image i is all bytes i, its label is i % classes.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/core/head_outputs.hpp"
#include "spankey/model/model.hpp"

namespace spankey::test {

struct numbered_images {
  extents sample{4, 1, 1};
  index_t classes = 3;
  index_t count = 10;
  std::vector<float> mean = std::vector<float>(4, 0.0F), deviation = std::vector<float>(4, 1.0F);
  std::vector<std::uint8_t> bytes = numbered(count, 4);

  static std::vector<std::uint8_t> numbered(index_t count, index_t size) {
    std::vector<std::uint8_t> all(static_cast<std::size_t>(count * size));
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = static_cast<std::uint8_t>(static_cast<index_t>(i) / size);
    return all;
  }
  [[nodiscard]] index_t size() const { return count; }
  [[nodiscard]] const std::uint8_t* image(index_t i) const { return bytes.data() + i * sample.size(); }
  [[nodiscard]] int label(index_t i) const { return static_cast<int>(i % classes); }
};

struct seen_keys {
  bool present = false;
  index_t stride = 0;
  std::vector<float> numbers;
};

struct seen_pass {
  index_t groups, samples;
  bool training;
  std::vector<index_t> images;                            // number of every sample's image
  std::array<std::array<seen_keys, max_groups>, 2> keys;  // [site][group]
};

struct recording_model {
  using scalar = float;
  using master = float;
  using backend_type = backend::cpu;
  static constexpr extents sample{4, 1, 1};
  using network_type = recording_model;
  static constexpr index_t outputs = 4;
  static constexpr std::array<extents, 2> sites = {{{4, 1, 1}, {2, 3, 1}}};

  std::vector<seen_pass> passes;
  head_outputs heads = outputs;
  /// Writes the logits of one image.
  std::function<void(index_t image, float* logits)> answer = [](index_t, float* z) { z[0] = 1; };

  [[nodiscard]] const extents& input_extents() const { return sample; }
  [[nodiscard]] const head_outputs& head() const { return heads; }
  [[nodiscard]] static index_t answers() { return 1; }
  [[nodiscard]] static bool answers_tokens() { return false; }
  [[nodiscard]] std::span<const extents> site_shapes() const { return sites; }

  const float* forward(const pass& p, const float* x, index_t samples, std::span<const site_keys<float>> keys,
                       activation_watch<float>* = nullptr) {
    const index_t each = samples / p.groups;
    seen_pass seen{p.groups, samples, p.training, {}, {}};
    logits_.assign(static_cast<std::size_t>(samples * outputs), 0.0F);
    for (index_t n = 0; n < samples; ++n) {
      seen.images.push_back(std::lround(255.0F * x[n * sample.size() + 3]));
      answer(seen.images.back(), logits_.data() + n * outputs);
    }
    for (std::size_t s = 0; s < keys.size(); ++s)
      for (std::size_t g = 0; g < max_groups; ++g) {
        const auto& key = keys[s].group[g];
        if (key.values.data() == nullptr) continue;
        const index_t numbers = key.stride == 0 ? sites[s].size() : each * key.stride;
        seen.keys[s][g] = {true, key.stride, {key.values.data(), key.values.data() + numbers}};
      }
    passes.push_back(seen);
    return logits_.data();
  }
  void backward(const pass&, index_t) {}
  bool shares_pass(std::span<const site_keys<float>>, index_t) const { return false; }
  float* logit_gradient(index_t samples) {
    gradient_.resize(static_cast<std::size_t>(samples * outputs));
    return gradient_.data();
  }
  template <class F>
  void for_each_parameter(F&&) {}
  template <class F>
  void for_each_state(F&&) {}
  template <class F>
  void for_each_packed(F&&) {}

 private:
  std::vector<float> logits_, gradient_;
};

/// The same with three classes and a reject logit beside them.
struct recording_model_with_aux : recording_model {
  recording_model_with_aux() { heads = {3, aux_logit::reject}; }
};

}  // namespace spankey::test
