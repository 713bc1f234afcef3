#include "picture_formats.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/error.hpp"

#if defined(SPANKEY_PROGRAM_PNG)
#include "spankey/data/png.hpp"
#endif
#if defined(SPANKEY_PROGRAM_JPEG)
#include "spankey/data/jpeg.hpp"
#endif

namespace {

using spankey::picture_format;

#if !defined(SPANKEY_PROGRAM_PNG) || !defined(SPANKEY_PROGRAM_JPEG)
[[noreturn]] void refuse(const std::string& where, const char* kind, const char* package) {
  spankey::fail("predict.104", where, "is a ", kind, ", but this program was built without ", package,
                "; expected IDX, .npy or another format of pictures");
}
#endif

#if defined(SPANKEY_PROGRAM_PNG)
constexpr picture_format png = spankey::png_pictures;
#else
constexpr picture_format png{
    "PNG", "\x89PNG",
    [](std::vector<std::uint8_t>, std::string where) -> std::unique_ptr<spankey::picture_source> {
      refuse(where, "PNG", "libpng (libpng-dev)");
    }};
#endif

#if defined(SPANKEY_PROGRAM_JPEG)
constexpr picture_format jpeg = spankey::jpeg_pictures;
#else
constexpr picture_format jpeg{
    "JPEG", "\xFF\xD8\xFF",
    [](std::vector<std::uint8_t>, std::string where) -> std::unique_ptr<spankey::picture_source> {
      refuse(where, "JPEG", "libjpeg (libjpeg-dev)");
    }};
#endif

constexpr std::array formats = {png, jpeg};

}  // namespace

std::span<const picture_format> picture_formats() { return formats; }
