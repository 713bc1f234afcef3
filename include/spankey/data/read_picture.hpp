// One picture as a network's image: H x W x C bytes of the extents that the network takes.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/picture.hpp"
#include "spankey/data/resize.hpp"

namespace spankey {

/// What happens to a picture of another size than the network's.
enum class other_size { refused, resized };

/// Reads a picture of these extents. Shades of grey are colour where three channels are wanted; where one is, red, green and
/// blue may be there, and equal. Errors: data.182 another size, colour, or extents that are no picture's; those of
/// open_picture and of reading it.
inline std::vector<std::uint8_t> read_picture(const std::filesystem::path& file,
                                              std::span<const picture_format> formats,
                                              const extents& expected,
                                              other_size size = other_size::refused) {
  const std::unique_ptr<picture_source> source = open_picture(file, formats);
  const extents own = source->shape();
  const auto refuse = [&](const auto&... found) { fail("data.182", file.string(), "found ", found...); };
  if (expected.channels != 1 && expected.channels != 3)
    refuse("a picture, expected an input of C=", expected.channels);
  const bool fits = own.width == expected.width && own.height == expected.height;
  if (!fits && size == other_size::refused)
    refuse(own.width, " x ", own.height, " pixels, expected W=", expected.width, " H=", expected.height);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(own.size()));
  source->read(pixels.data());
  if (own.channels != expected.channels) {
    std::vector<std::uint8_t> other;
    other.reserve(static_cast<std::size_t>(own.height * own.width * expected.channels));
    for (std::size_t i = 0; i < pixels.size(); i += static_cast<std::size_t>(own.channels)) {
      const std::uint8_t* const p = pixels.data() + i;
      if (own.channels == 3 && (p[0] != p[1] || p[1] != p[2])) refuse("colour, expected shades of grey");
      other.insert(other.end(), static_cast<std::size_t>(expected.channels), *p);
    }
    pixels.swap(other);
  }
  if (fits) return pixels;
  std::vector<std::uint8_t> scaled(static_cast<std::size_t>(expected.size()));
  resize_image(pixels.data(), {expected.channels, own.height, own.width}, expected.height, expected.width,
               scaled.data());
  return scaled;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
