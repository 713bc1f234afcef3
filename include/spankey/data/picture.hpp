// A picture as its file has it: H x W x C bytes, C = 1 of shades of grey, 3 of red, green and blue. Which formats there are
// is for the program to say: data/png.hpp and data/jpeg.hpp each bring one, and the package that it needs.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"

namespace spankey {

inline constexpr index_t picture_bytes_cap = 64 << 20;   // of a file; longer ones are refused
inline constexpr index_t picture_pixels_cap = 64 << 20;  // of a picture; larger ones are refused

/// A picture whose header was read: its extents are known, and were checked, before memory is taken for its pixels.
class picture_source {
 public:
  picture_source() = default;
  virtual ~picture_source() = default;
  picture_source(const picture_source&) = delete;
  picture_source& operator=(const picture_source&) = delete;

  [[nodiscard]] virtual extents shape() const = 0;
  /// Overwrites pixels (H x W x C); once. Fails where the file is damaged.
  virtual void read(std::uint8_t* pixels) = 0;
};

/// A format of pictures, and what its files begin with.
struct picture_format {
  std::string_view name, signature;
  /// Reads the header; the file's bytes become the source's own. `where` names the file.
  std::unique_ptr<picture_source> (*open)(std::vector<std::uint8_t> bytes, std::string where);
};

/// Opens a file of one of the formats, by its first bytes. Errors: data.185 none of them, or a file that is too long; those
/// of the format and of file_bytes.
inline std::unique_ptr<picture_source> open_picture(const std::filesystem::path& file,
                                                    std::span<const picture_format> formats) {
  file_bytes source(file);
  const std::string where = source.where();
  const index_t size = source.length().most;
  if (size > picture_bytes_cap)
    fail("data.185", where, "expected a picture of at most ", picture_bytes_cap, " bytes, found ", size);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  bytes.resize(static_cast<std::size_t>(source.read(bytes.data(), size)));
  std::string known;
  for (const picture_format& format : formats) {
    if (bytes.size() >= format.signature.size() &&
        std::equal(format.signature.begin(), format.signature.end(), bytes.begin(),
                   [](char c, std::uint8_t byte) { return static_cast<std::uint8_t>(c) == byte; }))
      return format.open(std::move(bytes), where);
    known += (known.empty() ? "" : " or ") + std::string(format.name);
  }
  fail("data.185", where, "expected a picture (", known, "), found another beginning");
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
