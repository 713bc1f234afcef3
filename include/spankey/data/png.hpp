// A PNG picture as a network's image: H x W x C bytes, C = 1 or 3, read through libpng. In no umbrella: who includes it
// links libpng.
//
// Nothing is converted that would change what the network sees: the picture has the network's size, 8 bits (or a palette),
// no transparency, and where one channel is wanted no colour (red, green and blue may be there, and equal).
// Source: libpng's manual, "SIMPLIFIED READ".
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <png.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"

namespace spankey {

inline constexpr std::array<std::uint8_t, 8> png_signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
inline constexpr index_t png_bytes_cap = 64 << 20;  // longer files are refused

/// Reads a picture of these extents. Errors: data.181 not a PNG, damaged or too long, data.182 another size, 16 bits,
/// transparency or colour; those of the opener.
inline std::vector<std::uint8_t> read_png(const std::filesystem::path& file, const extents& expected) {
  const auto source = open_file(file);
  const std::string where = source->where();
  const index_t size = source->length().most;
  if (size > png_bytes_cap)
    fail("data.181", where, "expected a PNG of at most ", png_bytes_cap, " bytes, found ", size);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  bytes.resize(static_cast<std::size_t>(source->read(bytes.data(), size)));

  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> freed(&image, &png_image_free);
  const auto damaged = [&] {
    fail("data.181", where, "expected a PNG, found: ", std::string_view(image.message));
  };
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) damaged();
  const auto refuse = [&](const auto&... found) { fail("data.182", where, "found ", found...); };
  if (index_t{image.width} != expected.width || index_t{image.height} != expected.height)
    refuse(image.width, " x ", image.height, " pixels, expected W=", expected.width, " H=", expected.height);
  if ((image.format & PNG_FORMAT_FLAG_LINEAR) != 0) refuse("16 bits a sample, expected 8");
  if (expected.channels != 1 && expected.channels != 3)
    refuse("a picture, expected an input of C=", expected.channels);

  // Always four samples a pixel: what they say is checked before any of it is dropped.
  image.format = PNG_FORMAT_RGBA;
  const auto pixels = static_cast<std::size_t>(expected.height * expected.width);
  std::vector<std::uint8_t> samples(4 * pixels);
  if (png_image_finish_read(&image, nullptr, samples.data(), 0, nullptr) == 0) damaged();
  std::vector<std::uint8_t> read;
  read.reserve(pixels * static_cast<std::size_t>(expected.channels));
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint8_t* const p = samples.data() + 4 * i;
    if (p[3] != 255) refuse("transparent pixels, expected none");
    if (expected.channels == 1 && (p[0] != p[1] || p[1] != p[2])) refuse("colour, expected shades of grey");
    read.insert(read.end(), p, p + expected.channels);
  }
  return read;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
