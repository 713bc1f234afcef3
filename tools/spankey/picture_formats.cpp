#include "picture_formats.hpp"

#include <array>

#if defined(SPANKEY_PROGRAM_PNG)
#include "spankey/data/png.hpp"
#endif
#if defined(SPANKEY_PROGRAM_JPEG)
#include "spankey/data/jpeg.hpp"
#endif

std::span<const spankey::picture_format> picture_formats() {
  static constexpr std::array formats = {
#if defined(SPANKEY_PROGRAM_PNG)
    spankey::png_pictures,
#endif
#if defined(SPANKEY_PROGRAM_JPEG)
    spankey::jpeg_pictures,
#endif
    spankey::picture_format{},  // so that there is a list where neither is
  };
  return std::span(formats).first(formats.size() - 1);
}

std::string missing_picture_packages() {
  std::string missing;
#if !defined(SPANKEY_PROGRAM_PNG)
  missing += "libpng (libpng-dev)";
#endif
#if !defined(SPANKEY_PROGRAM_JPEG)
  missing += missing.empty() ? "libjpeg (libjpeg-dev)" : ", libjpeg (libjpeg-dev)";
#endif
  return missing;
}
