// MLPs of drawn weights, samples for them, and what their neurons do on these.
#pragma once

#include <vector>

#include "spankey/core/random.hpp"
#include "spankey/release/mlp_weights.hpp"

namespace spankey_test {

struct drawn_numbers {
  spankey::random_source source;
  std::uint64_t next = 0;
  explicit drawn_numbers(std::uint64_t seed) : source(seed, spankey::stream::weights) {}
  std::vector<float> operator()(spankey::index_t count, double deviation) {
    std::vector<float> all(static_cast<std::size_t>(count));
    for (float& x : all) x = static_cast<float>(deviation * source.gaussian(next++));
    return all;
  }
};

inline spankey::mlp_weights drawn_mlp(spankey::activation act, bool gated, std::uint64_t seed = 1,
                                      spankey::index_t inputs = 12, spankey::index_t hidden = 30) {
  drawn_numbers draw(seed);
  spankey::mlp_weights w{.act = act, .inputs = inputs, .hidden = hidden, .outputs = inputs + 1};
  w.first = draw(hidden * inputs, 0.12);
  if (gated) w.up = draw(hidden * inputs, 0.3);
  w.down = draw(hidden * w.outputs, 0.2);
  if (!gated) w.first_bias = draw(hidden, 0.3), w.down_bias = draw(w.outputs, 0.1);
  return w;
}

/// Samples (count, inputs), the ranges of a network's neurons on them.
inline std::vector<float> drawn_samples(spankey::index_t count, spankey::index_t inputs = 12) {
  return drawn_numbers(77)(count * inputs, 1);
}
inline spankey::neuron_ranges ranges_on(const spankey::mlp_weights& w, const std::vector<float>& samples) {
  spankey::neuron_ranges ranges;
  for (std::size_t at = 0; at < samples.size(); at += static_cast<std::size_t>(w.inputs)) {
    std::vector<float> z;
    for (spankey::index_t j = 0; j < w.hidden; ++j)
      z.push_back(static_cast<float>(spankey::dot(w.first_of(j), samples.data() + at, w.inputs)));
    ranges.add(z);
  }
  return ranges;
}

}  // namespace spankey_test
