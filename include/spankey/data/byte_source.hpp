// Bytes in order, from a file as it lies or from what it unpacks to: what a reader of a file format stands on.
//
// A source bounds its length before anything is read (a plain file knows it exactly), so that a reader can refuse
// a file before it reserves memory for what the file's header promises. Readers take an opener, a function from a
// path to a source: open_file here, open_file_or_gzip in data/gzip.hpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <string>
#include <system_error>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

class byte_source {
 public:
  /// How many bytes there are: at least `least`, at most `most`.
  struct length_bounds {
    index_t least, most;
  };

  byte_source() = default;
  virtual ~byte_source() = default;
  byte_source(const byte_source&) = delete;
  byte_source& operator=(const byte_source&) = delete;

  /// What offsets count in, for error messages: the file, or what it unpacks to.
  [[nodiscard]] virtual std::string where() const = 0;
  [[nodiscard]] virtual length_bounds length() const = 0;
  /// Overwrites out with the next `count` bytes and returns how many there were: fewer only at the end.
  virtual index_t read(std::uint8_t* out, index_t count) = 0;
};

/// Opens what lies at a path.
using byte_opener = std::unique_ptr<byte_source> (*)(const std::filesystem::path& file);

/// The bytes of a regular file.
class file_bytes final : public byte_source {
 public:
  /// Errors: data.141 no such file, data.142 it cannot be read, data.143 not a regular file.
  explicit file_bytes(const std::filesystem::path& file) : name_(file.string()) {
    std::error_code code;
    const std::filesystem::file_status status = std::filesystem::status(file, code);
    if (status.type() == std::filesystem::file_type::not_found) {
      fail("data.141", name_, "offset 0: expected a file, found no such file");
    }
    if (code) unreadable("path", code);
    if (!std::filesystem::is_regular_file(status)) {
      fail("data.143", name_, "offset 0: expected a file, found ",
           std::filesystem::is_directory(status) ? "a directory" : "something that is not a regular file");
    }
    size_ = static_cast<index_t>(std::filesystem::file_size(file, code));
    if (code) unreadable("size", code);
    in_.open(file, std::ios::binary);
    if (!in_) {
      fail("data.142", name_, "offset 0: expected ", size_,
           " bytes, found a file that cannot be opened for reading");
    }
  }

  [[nodiscard]] std::string where() const override { return name_; }
  [[nodiscard]] length_bounds length() const override { return {size_, size_}; }

  /// Error: data.142 the file cannot be read any further.
  index_t read(std::uint8_t* out, index_t count) override {
    in_.read(reinterpret_cast<char*>(out), count);
    const index_t got = in_.gcount();
    if (in_.bad()) {
      fail("data.142", name_, "offset ", done_ + got, ": expected ", count - got,
           " more bytes, found a file that cannot be read there");
    }
    done_ += got;
    return got;
  }

 private:
  [[noreturn]] void unreadable(const char* what, const std::error_code& code) const {
    fail("data.142", name_, "offset 0: expected a file, found an unreadable ", what, ": ", code.message());
  }

  std::string name_;
  std::ifstream in_;
  index_t size_ = 0, done_ = 0;
};

/// The name under which a file lies where it is packed.
inline std::filesystem::path gzip_name(std::filesystem::path file) { return file += ".gz"; }

/// Opens a file as it lies. Errors: data.141 (also where only FILE.gz is there), data.142, data.143.
inline std::unique_ptr<byte_source> open_file(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored) && std::filesystem::exists(gzip_name(file), ignored)) {
    fail("data.141", file.string(), "offset 0: expected a file, found only ",
         gzip_name(file).filename().string(), ": unpack it, or read it through open_file_or_gzip");
  }
  return std::make_unique<file_bytes>(file);
}

}  // namespace spankey
