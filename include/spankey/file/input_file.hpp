// A regular file opened for reading, with its size known before anything is read or allocated.
//
// Opened without blocking and checked on the open descriptor, so a FIFO, a device or a directory in the place
// of a file is an error instead of a program that hangs. POSIX.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/file/printable.hpp"

namespace spankey {

class input_file {
 public:
  /// Errors: io.101 missing or unreadable, io.102 not a regular file.
  explicit input_file(const std::string& path) : name_(printable(path)) {
    do fd_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) fail_here("io.101", "cannot open for reading: ", reason(errno));
    struct stat found {};
    if (::fstat(fd_, &found) != 0) fail_here("io.101", "cannot read its size: ", reason(errno));
    if (!S_ISREG(found.st_mode)) {
      fail_here("io.102", "expected a regular file, found ",
                S_ISDIR(found.st_mode)    ? "a directory"
                : S_ISFIFO(found.st_mode) ? "a FIFO"
                                          : "a device or socket");
    }
    const long long bytes = found.st_size;  // of another type on every system
    size_ = static_cast<index_t>(bytes);
  }
  ~input_file() { close(); }
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;

  /// Bytes of the file when it was opened.
  [[nodiscard]] index_t size() const { return size_; }
  /// The path, fit for an error message.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// The next `count` bytes. Errors: io.103 read error, io.104 the file became shorter.
  void read(std::byte* out, index_t count) {
    while (count > 0) {
      const ssize_t got = ::read(fd_, out, static_cast<std::size_t>(count));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail_here("io.103", "cannot read: ", reason(errno));
      if (got == 0)
        fail_here("io.104", "expected ", count, " more bytes, found its end: it changed while being read");
      out += got;
      count -= got;
    }
  }

 private:
  static std::string reason(int code) { return std::generic_category().message(code); }

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  // A constructor that throws has no destructor call: the descriptor is given back first.
  template <class... Values>
  [[noreturn]] void fail_here(std::string_view id, const Values&... values) {
    close();
    fail(id, name_, values...);
  }

  std::string name_;
  int fd_ = -1;
  index_t size_ = 0;
};

}  // namespace spankey
