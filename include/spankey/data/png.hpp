// PNG pictures through libpng: any of 8 bits a sample (or a palette) without transparency, as H x W x C bytes. In no umbrella:
// who includes it links libpng.
//
// Nothing is converted that would change what a network sees: 16 bits and transparent pixels are refused.
// Source: libpng's manual, "SIMPLIFIED READ".
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <png.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"
#include "spankey/data/picture.hpp"

namespace spankey {

inline constexpr std::string_view png_signature = "\x89PNG\r\n\x1A\n";

/// A PNG in memory. Errors: data.181 not a PNG, damaged or too large, data.182 16 bits or transparency.
class png_source final : public picture_source {
 public:
  png_source(std::vector<std::uint8_t> bytes, std::string where)
      : bytes_(std::move(bytes)), where_(std::move(where)) {
    image_.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&image_, bytes_.data(), bytes_.size()) == 0) damaged();
    shape_ = {(image_.format & PNG_FORMAT_FLAG_COLOR) != 0 ? 3 : 1, index_t{image_.height},
              index_t{image_.width}};
    if ((image_.format & PNG_FORMAT_FLAG_LINEAR) != 0) refuse("found 16 bits a sample, expected 8");
    if (shape_.height > picture_pixels_cap / shape_.width)
      fail("data.181", where_, "found ", shape_.width, " x ", shape_.height, " pixels, expected at most ",
           picture_pixels_cap);
  }
  [[nodiscard]] extents shape() const override { return shape_; }

  void read(std::uint8_t* pixels) override {
    // Always four samples a pixel: what they say is checked before any of it is dropped.
    image_.format = PNG_FORMAT_RGBA;
    std::vector<std::uint8_t> samples(static_cast<std::size_t>(4 * shape_.height * shape_.width));
    if (png_image_finish_read(&image_, nullptr, samples.data(), 0, nullptr) == 0) damaged();
    for (std::size_t i = 0; i < samples.size(); i += 4) {
      if (samples[i + 3] != 255) refuse("found transparent pixels, expected none");
      for (index_t c = 0; c < shape_.channels; ++c) *pixels++ = samples[i + static_cast<std::size_t>(c)];
    }
  }

 private:
  [[noreturn]] void damaged() const {
    fail("data.181", where_, "expected a PNG, found: ", std::string_view(image_.message));
  }
  [[noreturn]] void refuse(std::string_view why) const { fail("data.182", where_, why); }

  std::vector<std::uint8_t> bytes_;
  std::string where_;
  png_image image_{};
  std::unique_ptr<png_image, decltype(&png_image_free)> freed_{&image_, &png_image_free};
  extents shape_;
};

inline std::unique_ptr<picture_source> open_png(std::vector<std::uint8_t> bytes, std::string where) {
  return std::make_unique<png_source>(std::move(bytes), std::move(where));
}

inline constexpr picture_format png_pictures{"PNG", png_signature, &open_png};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
