// What file/input_file.hpp declares.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "spankey/core/error.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/file/printable.hpp"

namespace spankey {

// A constructor that throws has no destructor call: the descriptor is given back first.
template <class... Values>
void input_file::fail_here(std::string_view id, const Values&... values) {
  close();
  fail(id, name_, values...);
}

input_file::input_file(const std::string& path) : name_(printable(path)) {
  do fd_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) fail_here("io.101", "cannot open for reading: ", std::generic_category().message(errno));
  struct stat found {};
  if (::fstat(fd_, &found) != 0)
    fail_here("io.101", "cannot read its size: ", std::generic_category().message(errno));
  if (!S_ISREG(found.st_mode)) {
    fail_here("io.102", "expected a regular file, found ",
              S_ISDIR(found.st_mode)    ? "a directory"
              : S_ISFIFO(found.st_mode) ? "a FIFO"
                                        : "a device or socket");
  }
  const long long bytes = found.st_size;  // of another type on every system
  size_ = static_cast<index_t>(bytes);
}

void input_file::require_bytes(index_t got, index_t missing) const {
  if (got < 0) fail("io.103", name_, "cannot read: ", std::generic_category().message(errno));
  if (got == 0)
    fail("io.104", name_, "expected ", missing, " more bytes, found its end: it changed while being read");
}

void input_file::read(std::byte* out, index_t count) {
  while (count > 0) {
    const ssize_t got = ::read(fd_, out, static_cast<std::size_t>(count));
    if (got < 0 && errno == EINTR) continue;
    require_bytes(got, count);
    out += got;
    count -= got;
  }
}

void input_file::read_at(index_t first, std::byte* out, index_t count) const {
  while (count > 0) {
    const ssize_t got = ::pread(fd_, out, static_cast<std::size_t>(count), first);
    if (got < 0 && errno == EINTR) continue;
    require_bytes(got, count);
    out += got;
    first += got;
    count -= got;
  }
}

void input_file::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace spankey
