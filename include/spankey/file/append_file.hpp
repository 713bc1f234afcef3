// A text file that only grows, and can be cut back to a moment that was noted: a run's log.
//
// append() hands a line to the system at once; flush() makes all of them survive a power cut and says where the file is
// now: bytes so far, and their CRC-32. Opened with such a mark, the file is that long and no longer: what an interrupted
// run wrote after it is gone, a torn line too. POSIX.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "spankey/file/atomic_file.hpp"
#include "spankey/file/checksum.hpp"
#include "spankey/file/input_file.hpp"

namespace spankey {

struct file_mark {
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;
};

/// Fails with log.103 where the first bytes of a file are not those of the mark.
inline void require_mark(const std::string& path, const file_mark& mark) {
  input_file file(path);
  const auto size = static_cast<std::uint64_t>(file.size());
  if (size < mark.bytes)
    fail("log.103", file.name(), "expected at least the ", mark.bytes, " bytes of the run so far, found ",
         size);
  std::array<std::byte, 65536> part{};
  std::uint32_t found = 0;
  for (std::uint64_t left = mark.bytes; left > 0;) {
    const std::uint64_t now = std::min<std::uint64_t>(left, part.size());
    file.read(part.data(), static_cast<index_t>(now));
    found = crc32(std::span<const std::byte>(part.data(), static_cast<std::size_t>(now)), found);
    left -= now;
  }
  if (found != mark.checksum)
    fail("log.103", file.name(), "damaged: its first ", mark.bytes, " bytes are not those that were written");
}

template <class Calls = posix_calls>
class basic_append_file {
 public:
  /// A new file. Error: log.101.
  explicit basic_append_file(const std::string& path) : basic_append_file(path, O_CREAT | O_EXCL) {}
  /// One that goes on after `mark`. Errors: log.101, log.103.
  basic_append_file(const std::string& path, const file_mark& mark)
      : basic_append_file((require_mark(path, mark), path), 0) {
    int cut = 0;
    do cut = Calls::ftruncate(fd_, mark.bytes);
    while (cut != 0 && errno == EINTR);
    if (cut != 0) fail_here("log.101", "cannot be cut to what the run wrote", errno);
    mark_ = mark;
  }
  basic_append_file(const basic_append_file&) = delete;
  basic_append_file& operator=(const basic_append_file&) = delete;
  ~basic_append_file() {
    if (fd_ >= 0) Calls::close(fd_);
  }

  /// Error: log.102.
  void append(std::string_view text) {
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t written = Calls::write(fd_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail_here("log.102", "cannot be written", written < 0 ? errno : EIO);
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    mark_.bytes += text.size();
    mark_.checksum = crc32(text, mark_.checksum);
  }

  /// Error: log.102.
  file_mark flush() {
    int result = 0;
    do result = Calls::fsync(fd_);
    while (result != 0 && errno == EINTR);
    if (result != 0) fail_here("log.102", "cannot be flushed to the device", errno);
    return mark_;
  }

 private:
  basic_append_file(const std::string& path, int flags) : name_(printable(path)) {
    do fd_ = Calls::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0644);
    while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) fail_here("log.101", "cannot be opened", errno);
  }

  [[noreturn]] void fail_here(std::string_view id, std::string_view what, int code) const {
    fail(id, name_, what, ": ", std::generic_category().message(code));
  }

  std::string name_;
  int fd_ = -1;
  file_mark mark_;
};

using append_file = basic_append_file<>;

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
