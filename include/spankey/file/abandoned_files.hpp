// The names of files in the making, and what becomes of those whose process was killed.
//
//   .spankey-PID-N.tmp, in the folder of the file that it becomes; its maker holds an flock on it as long as it has
//   this name
// A file that lies there without a lock is abandoned. The name is free of the final one, which may be as long as names can
// be. POSIX.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "spankey/core/dialect.hpp"

namespace spankey {

/// The name of this process's file number `number` in the making.
inline std::string temporary_name(int number) {
  return ".spankey-" + std::to_string(::getpid()) + '-' + std::to_string(number) + ".tmp";
}
inline bool is_temporary_name(std::string_view name) {
  return name.starts_with(".spankey-") && name.ends_with(".tmp");
}

/// File systems without locks are accepted: there nobody removes anything.
inline void lock_file(int fd) {
  int taken = 0;
  do taken = ::flock(fd, LOCK_EX);
  while (taken != 0 && errno == EINTR);
}

/// False where somebody took the file for an abandoned one, in the moment before it was locked.
inline bool has_a_name(int fd) {
  struct stat found {};
  return ::fstat(fd, &found) != 0 || found.st_nlink > 0;
}

/// Removes a file in the making if it is abandoned. With the lock nobody else renames or removes it, so the name still
/// stands for what was locked.
inline void remove_if_abandoned(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return;
  struct stat locked {};
  struct stat named {};
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0 && ::fstat(fd, &locked) == 0 &&
      ::lstat(path.c_str(), &named) == 0 && locked.st_ino == named.st_ino && locked.st_dev == named.st_dev &&
      S_ISREG(locked.st_mode))
    ::unlink(path.c_str());
  ::close(fd);
}

/// Removes what killed processes left in the making in `folder`, as far as it is there and may be read.
inline void remove_abandoned_files(const std::string& folder) {
  DIR* const entries = ::opendir(folder.c_str());
  if (entries == nullptr) return;
  while (const dirent* const entry = ::readdir(entries))
    if (is_temporary_name(entry->d_name)) remove_if_abandoned(folder + '/' + entry->d_name);
  ::closedir(entries);
}

}  // namespace spankey
