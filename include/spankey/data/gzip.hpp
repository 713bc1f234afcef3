// Gzip files through zlib: the only place that includes it.
//
// A file is one gzip member (RFC 1952) or several, whose contents follow one another, and behind them nothing or zeros, as
// gzip itself reads it; the checksum of each is verified at its end. Bytes are unpacked as they are asked for, from a
// buffer of fixed size: a file that unpacks to more than its reader asks for costs nothing. Deflate never packs
// better than 1032 to 1 (258 bytes in two bits), which bounds the unpacked length.
// zlib is optional: a program that includes this header finds and links it itself (ZLIB::ZLIB).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <system_error>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"

namespace spankey {

/// What every gzip member begins with.
inline constexpr std::array<std::uint8_t, 2> gzip_magic{0x1F, 0x8B};

/// What a gzip file unpacks to.
class gzip_bytes final : public byte_source {
 public:
  /// Errors: those of file_bytes, and data.151 zlib does not start.
  explicit gzip_bytes(const std::filesystem::path& file) : packed_(file) {
    constexpr int largest_window = 15, gzip_only = 16;
    const int answer = inflateInit2(&stream_, largest_window + gzip_only);
    if (answer != Z_OK) fail("data.151", packed_.where(), "zlib does not start: ", zError(answer));
  }
  ~gzip_bytes() override { inflateEnd(&stream_); }

  [[nodiscard]] std::string where() const override { return packed_.where() + " (unpacked)"; }

  [[nodiscard]] length_bounds length() const override {
    constexpr index_t best_ratio = 1032, limit = std::numeric_limits<index_t>::max() / best_ratio;
    return {0, std::min(packed_.length().most, limit) * best_ratio};
  }

  /// Errors, with offsets in the packed file: data.151 it is not gzip or damaged, data.152 it ends early, data.153
  /// something else follows the gzip members; data.142.
  index_t read(std::uint8_t* out, index_t count) override {
    index_t got = 0;
    while (got < count && !ended_) {
      if (!has_input()) {
        fail("data.152", packed_.where(), "offset ", taken_,
             ": expected more gzip data, found the end of the file");
      }
      constexpr index_t most_at_once = index_t{1} << 30;  // zlib counts in unsigned int
      const auto room = static_cast<uInt>(std::min(count - got, most_at_once));
      stream_.next_out = out + got;
      stream_.avail_out = room;
      const int answer = inflate(&stream_, Z_NO_FLUSH);
      got += static_cast<index_t>(room - stream_.avail_out);
      if (answer == Z_STREAM_END) {
        begin_next_member();
      } else if (answer != Z_OK && answer != Z_BUF_ERROR) {  // Z_BUF_ERROR: it wants the next bytes
        fail("data.151", packed_.where(), "offset ", offset(), ": expected gzip data, found ",
             stream_.msg != nullptr ? stream_.msg : zError(answer));
      }
    }
    return got;
  }

 private:
  // Of the next packed byte that zlib has not taken.
  [[nodiscard]] index_t offset() const { return taken_ - static_cast<index_t>(stream_.avail_in); }

  // False at the end of the packed file.
  bool has_input() {
    if (stream_.avail_in != 0) return true;
    const index_t bytes = packed_.read(buffer_.data(), static_cast<index_t>(buffer_.size()));
    taken_ += bytes;
    stream_.next_in = buffer_.data();
    stream_.avail_in = static_cast<uInt>(bytes);
    return bytes != 0;
  }

  void begin_next_member() {
    const index_t end = offset();
    if (has_input() && *stream_.next_in == gzip_magic[0]) {
      inflateReset(&stream_);
      return;
    }
    ended_ = true;
    for (; has_input(); ++stream_.next_in, --stream_.avail_in) {
      if (*stream_.next_in != 0) {
        fail("data.153", packed_.where(), "offset ", end,
             ": expected the end of the file behind the gzip data, found more bytes");
      }
    }
  }

  file_bytes packed_;
  index_t taken_ = 0;  // bytes of the packed file given to zlib
  bool ended_ = false;
  std::array<std::uint8_t, std::size_t{1} << 16> buffer_;
  z_stream stream_{};
};

/// Opens FILE, or FILE.gz where there is no FILE: as it lies, or unpacked where it begins as a gzip file does, whatever
/// its name says (browsers unpack what they load, and keep the name). Errors: data.141 neither is there, and those of the
/// two.
inline std::unique_ptr<byte_source> open_file_or_gzip(const std::filesystem::path& file) {
  const auto missing = [](const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::status(path, ignored).type() == std::filesystem::file_type::not_found;
  };
  const std::filesystem::path there = missing(file) ? gzip_name(file) : file;
  if (missing(there)) {
    fail("data.141", file.string(), "offset 0: expected a file, found neither it nor ",
         there.filename().string());
  }
  std::array<std::uint8_t, gzip_magic.size()> begin{};
  file_bytes(there).read(begin.data(), static_cast<index_t>(begin.size()));
  if (begin == gzip_magic) return std::make_unique<gzip_bytes>(there);
  return std::make_unique<file_bytes>(there);
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
