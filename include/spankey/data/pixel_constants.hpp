// What makes numbers of the pixels of the data sets that the library reads: x = (byte/255 - mean[c]) / deviation[c].
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "spankey/core/dialect.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// Mean and deviation of pixel/255 over a training set, one a channel.
struct pixel_constants {
  std::vector<float> mean, deviation;

  /// Into a data set (data/dataset.hpp).
  template <class Images>
  void give_to(Images& data) && {
    data.mean = std::move(mean);
    data.deviation = std::move(deviation);
  }
};

inline pixel_constants mnist_pixels() { return {{0.1307F}, {0.3081F}}; }
inline pixel_constants fashion_mnist_pixels() { return {{0.2860F}, {0.3530F}}; }
inline pixel_constants cifar10_pixels() { return {{0.4914F, 0.4822F, 0.4465F}, {0.2470F, 0.2435F, 0.2616F}}; }
/// Measured; the same for every seed.
inline pixel_constants glyph_pixels(index_t channels) {
  const auto c = static_cast<std::size_t>(channels);
  return {std::vector<float>(c, 0.333F), std::vector<float>(c, 0.257F)};
}

}  // namespace spankey
