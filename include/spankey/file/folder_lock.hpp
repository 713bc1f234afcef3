// A folder for one process at a time: an advisory lock (flock) on the folder itself, without a file of its own.
//
// The system gives it back when the process ends, however it ends. File systems that cannot lock a folder (some of
// those over a network) are accepted: there nobody is kept out. POSIX.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"

namespace spankey {

class [[nodiscard]] folder_lock {
 public:
  /// Errors: io.121 no such folder, io.122 another process has it.
  explicit folder_lock(const std::string& folder) {
    do fd_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0)
      fail("io.121", printable(folder),
           "cannot be opened as a folder: ", std::generic_category().message(errno));
    int taken = 0;
    do taken = ::flock(fd_, LOCK_EX | LOCK_NB);
    while (taken != 0 && errno == EINTR);
    if (taken == 0 || errno != EWOULDBLOCK) return;
    ::close(fd_);
    fail("io.122", printable(folder), "another process is at work in it");
  }
  folder_lock(folder_lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  folder_lock& operator=(folder_lock&&) = delete;
  ~folder_lock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  int fd_ = -1;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
