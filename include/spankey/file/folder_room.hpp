// Will a run be able to write into its folder? Asked before hours of work, not after them.
//
//   require_room       free space of the file system, for whoever runs this (f_bavail)
//   require_writable   writes, flushes and removes a file
// Both say what is so now; a disk may fill up later, and then the write itself says so. POSIX.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <sys/statvfs.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

#include "spankey/file/atomic_file.hpp"

namespace spankey {

/// Fails with io.123 where the file system of `folder`, which is there, has less than `bytes` free. One that does not
/// know its free space is accepted.
inline void require_room(const std::string& folder, std::uint64_t bytes) {
  struct statvfs found {};
  int result = 0;
  do result = ::statvfs(folder.c_str(), &found);
  while (result != 0 && errno == EINTR);
  if (result != 0 || found.f_blocks == 0) return;
  const auto free = std::uint64_t{1} * found.f_bavail * found.f_frsize;
  if (free < bytes)
    fail("io.123", printable(folder), "needs ", bytes / 1000000 + 1, " MB of free space, found ",
         free / 1000000, " MB");
}

/// Fails with io.111 to io.115 where no file can be written into `folder`.
template <class Calls = posix_calls>
void require_writable(const std::string& folder) {
  const std::string file = folder + "/.spankey-" + std::to_string(::getpid()) + "-probe.tmp";
  write_file_atomically<Calls>(file, std::string_view("x"), file_mode::secret);
  if (Calls::unlink(file.c_str()) != 0)
    fail("io.116", printable(file), "cannot be removed: ", std::generic_category().message(errno));
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
