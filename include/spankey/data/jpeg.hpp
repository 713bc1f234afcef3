// JPEG pictures through libjpeg-turbo (or another libjpeg of version 8's interface): grey or colour, as H x W x C bytes. In no
// umbrella: who includes it links libjpeg.
//
// Decoding is the exact integer kind (JDCT_ISLOW), so that a picture has the same bytes on every machine with the same
// library. What the library would only warn of (a picture that ends early, and is filled up with grey) is an error here,
// but for bytes between two markers, which harm nothing. How a camera was held (EXIF) is not looked at.
// Source: libjpeg's libjpeg.txt, "Decompression details" and "Error handling".
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

// clang-format off
#include <cstdio>  // jpeglib.h wants FILE and size_t, and jerror.h jpeglib.h
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <array>
#include <csetjmp>
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

inline constexpr std::string_view jpeg_signature = "\xFF\xD8\xFF";

/// A JPEG in memory. Errors: data.183 not a JPEG, damaged or too large, data.184 neither grey nor colour of three
/// components.
class jpeg_source final : public picture_source {
 public:
  jpeg_source(std::vector<std::uint8_t> bytes, std::string where)
      : bytes_(std::move(bytes)), where_(std::move(where)) {
    info_.err = jpeg_std_error(&report_.library);
    report_.library.error_exit = &leave;
    report_.library.emit_message = &note;
    if (!begin()) damaged();
    shape_ = {info_.num_components == 1 ? 1 : 3, index_t{info_.image_height}, index_t{info_.image_width}};
    const int components = info_.num_components;
    if (components != 1 && components != 3)
      fail("data.184", where_, "found ", components, " components (CMYK, say), expected grey or colour");
    if (shape_.height > picture_pixels_cap / shape_.width)
      fail("data.183", where_, "found ", shape_.width, " x ", shape_.height, " pixels, expected at most ",
           picture_pixels_cap);
  }

  [[nodiscard]] extents shape() const override { return shape_; }

  void read(std::uint8_t* pixels) override {
    if (!decode(pixels) || report_.warned) damaged();
  }

 private:
  // libjpeg leaves by a jump, as it knows no exceptions: between begin of a call and its jump lives no object that has a
  // destructor.
  struct report {
    jpeg_error_mgr library;  // first: the library's pointer to it is one to the whole
    std::jmp_buf out;
    std::array<char, JMSG_LENGTH_MAX> text;
    bool warned;
  };
  static report& report_of(j_common_ptr info) { return *reinterpret_cast<report*>(info->err); }
  [[noreturn]] static void leave(j_common_ptr info) {
    info->err->format_message(info, report_of(info).text.data());
    std::longjmp(report_of(info).out, 1);
  }
  static void note(j_common_ptr info, int level) {
    report& all = report_of(info);
    if (level >= 0 || info->err->msg_code == JWRN_EXTRANEOUS_DATA || all.warned) return;
    all.warned = true;
    info->err->format_message(info, all.text.data());
  }

  bool begin() {
    if (setjmp(report_.out) != 0) return false;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, bytes_.data(), static_cast<unsigned long>(bytes_.size()));
    jpeg_read_header(&info_, TRUE);
    return true;
  }
  bool decode(std::uint8_t* pixels) {
    if (setjmp(report_.out) != 0) return false;
    info_.out_color_space = shape_.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    info_.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&info_);
    const auto row = static_cast<std::size_t>(shape_.width * shape_.channels);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW line = pixels + row * info_.output_scanline;
      jpeg_read_scanlines(&info_, &line, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }
  [[noreturn]] void damaged() const {
    fail("data.183", where_, "expected a JPEG, found: ", std::string_view(report_.text.data()));
  }

  std::vector<std::uint8_t> bytes_;
  std::string where_;
  jpeg_decompress_struct info_{};
  std::unique_ptr<jpeg_decompress_struct, decltype(&jpeg_destroy_decompress)> freed_{
      &info_, &jpeg_destroy_decompress};
  report report_{};
  extents shape_;
};

inline std::unique_ptr<picture_source> open_jpeg(std::vector<std::uint8_t> bytes, std::string where) {
  return std::make_unique<jpeg_source>(std::move(bytes), std::move(where));
}

inline constexpr picture_format jpeg_pictures{"JPEG", jpeg_signature, &open_jpeg};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
