// PNG files as the tests of readers need them, written by libpng itself.
#pragma once

#include <png.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace spankey_test {

/// A picture of these samples; format: PNG_FORMAT_GRAY, PNG_FORMAT_RGB and so on.
template <class Sample>
std::string png_file(unsigned width, unsigned height, png_uint_32 format,
                     const std::vector<Sample>& samples) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = format;
  png_alloc_size_t size = 0;
  std::string file(1 << 16, '\0');
  size = file.size();
  if (png_image_write_to_memory(&image, file.data(), &size, 0, samples.data(), 0, nullptr) == 0)
    throw std::runtime_error(image.message);
  file.resize(size);
  return file;
}

/// Shades of grey 0, step, 2 * step, ...
inline std::string grey_png(unsigned width, unsigned height, unsigned step = 1) {
  std::vector<std::uint8_t> samples(std::size_t{width} * height);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::uint8_t>(i * step);
  return png_file(width, height, PNG_FORMAT_GRAY, samples);
}

/// One colour throughout.
inline std::string colour_png(unsigned width, unsigned height, std::uint8_t r, std::uint8_t g,
                              std::uint8_t b) {
  std::vector<std::uint8_t> samples;
  for (std::size_t i = 0; i < std::size_t{width} * height; ++i) samples.insert(samples.end(), {r, g, b});
  return png_file(width, height, PNG_FORMAT_RGB, samples);
}

}  // namespace spankey_test
