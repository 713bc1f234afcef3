// What makes numbers of an image's bytes: x = (byte/255 - mean[c]) / deviation[c]; of the data sets that the library
// reads, where they are published, or measured on a training set.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
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

/// Mean and deviation of all pixels of a data set of images, which is to be the training part. Counted, so that they are
/// the same on every machine. A channel that has one value throughout has deviation 1: its numbers are all 0.
template <class Images>
pixel_constants measured_pixels(const Images& data) {
  const extents sample = data.sample;
  const auto channels = static_cast<std::size_t>(sample.channels);
  std::vector<std::array<std::uint64_t, 256>> counts(channels);
  for (index_t i = 0; i < data.size(); ++i) {
    const std::uint8_t* byte = data.image(i);
    for (index_t pixel = 0; pixel < sample.height * sample.width; ++pixel)
      for (std::array<std::uint64_t, 256>& of_channel : counts) ++of_channel[*byte++];
  }
  pixel_constants found;
  for (const std::array<std::uint64_t, 256>& of_channel : counts) {
    double pixels = 0, mean = 0, squares = 0;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      pixels += static_cast<double>(of_channel[byte]);
      mean += static_cast<double>(of_channel[byte]) * static_cast<double>(byte);
    }
    mean /= pixels;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const double apart = static_cast<double>(byte) - mean;
      squares += static_cast<double>(of_channel[byte]) * apart * apart;
    }
    const double deviation = std::sqrt(squares / pixels);
    found.mean.push_back(static_cast<float>(mean / 255));
    found.deviation.push_back(deviation > 0 ? static_cast<float>(deviation / 255) : 1.0F);
  }
  return found;
}

}  // namespace spankey
