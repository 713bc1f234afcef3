// Writes a whole file or nothing: a reader, or a machine that loses power, sees the old file or the new one.
//
//   create a temporary file beside it (exclusively, with its final mode) -> write all -> fsync -> rename ->
//   fsync of the directory
//
// The mode holds from the first moment, so a secret is never readable by others, not even while it is
// written. Every return value is checked, and the temporary file is removed when a step fails. POSIX.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "spankey/checkpoint/printable.hpp"
#include "spankey/core/error.hpp"

namespace spankey {

/// Permissions of a new file (the process's umask may take more away).
enum class file_mode : unsigned { shared = 0644, secret = 0600 };

/// The system calls that write files; tests put failing ones in their place.
struct posix_calls {
  static int open(const char* path, int flags, unsigned mode) { return ::open(path, flags, mode); }
  static ssize_t write(int fd, const void* bytes, std::size_t count) { return ::write(fd, bytes, count); }
  static int fsync(int fd) { return ::fsync(fd); }
  static int close(int fd) { return ::close(fd); }
  static int rename(const char* from, const char* to) { return ::rename(from, to); }
  static int unlink(const char* path) { return ::unlink(path); }
  static int ftruncate(int fd, std::uint64_t bytes) { return ::ftruncate(fd, static_cast<off_t>(bytes)); }
};

/// Replaces or creates `path` with exactly `bytes`. Errors: io.111 create, io.112 write, io.113 flush or
/// close, io.114 rename (all four leave `path` as it was), io.115 the new file is in place, but its directory
/// entry may not survive a power loss.
template <class Calls = posix_calls>
void write_file_atomically(const std::string& path, std::span<const std::byte> bytes, file_mode mode) {
  const std::string where = printable(path);
  const std::size_t slash = path.find_last_of('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const auto reason = [](int code) { return std::generic_category().message(code); };
  const auto open = [](const std::string& name, int flags, file_mode permissions) {
    int fd = -1;
    do fd = Calls::open(name.c_str(), flags | O_CLOEXEC, static_cast<unsigned>(permissions));
    while (fd < 0 && errno == EINTR);
    return fd;
  };

  // The name is free of `path`'s own, which may be as long as names can be. Leftovers of a killed process and
  // other threads only make the number grow.
  std::string temporary;
  int fd = -1, code = EEXIST;
  for (int attempt = 0; fd < 0 && attempt < 1000; ++attempt) {
    temporary = directory + (slash == std::string::npos ? "/" : "") + ".spankey-" +
                std::to_string(::getpid()) + '-' + std::to_string(attempt) + ".tmp";
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (fd < 0) code = errno;
    if (code != EEXIST) break;
  }
  if (fd < 0) {
    fail("io.111", where, "cannot create a file in directory ", in_quotes(directory), ": ", reason(code));
  }

  // Everything is put back before fail(), which may abort instead of throwing.
  const auto give_up = [&](std::string_view id, std::string_view step) {
    if (fd >= 0) Calls::close(fd);
    const bool removed = Calls::unlink(temporary.c_str()) == 0;
    fail(id, where, "cannot ", step, ": ", reason(code),
         removed ? std::string() : "; could not remove " + in_quotes(temporary) + " either");
  };
  for (std::span<const std::byte> rest = bytes; !rest.empty();) {
    const ssize_t written = Calls::write(fd, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      code = written < 0 ? errno : EIO;
      give_up("io.112", "write beyond byte " + std::to_string(bytes.size() - rest.size()) + " of " +
                            std::to_string(bytes.size()));
    }
    rest = rest.subspan(static_cast<std::size_t>(written));
  }
  const auto flush = [](int file) {
    int result = 0;
    do result = Calls::fsync(file);
    while (result != 0 && errno == EINTR);
    return result;
  };
  if (flush(fd) != 0) {
    code = errno;
    give_up("io.113", "flush to the device");
  }
  // An interrupted close has closed the descriptor, and the data is on the device already.
  const int closed = Calls::close(fd);
  fd = -1;
  if (closed != 0 && errno != EINTR) {
    code = errno;
    give_up("io.113", "close");
  }
  if (Calls::rename(temporary.c_str(), path.c_str()) != 0) {
    code = errno;
    give_up("io.114", "rename " + in_quotes(temporary) + " to it");
  }

  const int folder = open(directory, O_RDONLY | O_DIRECTORY, file_mode::secret);
  code = folder < 0 ? errno : 0;
  if (folder >= 0 && flush(folder) != 0) code = errno;
  if (folder >= 0 && Calls::close(folder) != 0 && errno != EINTR && code == 0) code = errno;
  // Some file systems cannot flush a directory and say so; there is nothing more to do there.
  if (code != 0 && code != EINVAL && code != ENOTSUP) {
    fail("io.115", where, "written, but cannot flush its directory ", in_quotes(directory), ": ",
         reason(code));
  }
}

/// The same for text (JSON files).
template <class Calls = posix_calls>
void write_file_atomically(const std::string& path, std::string_view text, file_mode mode) {
  write_file_atomically<Calls>(path, std::as_bytes(std::span<const char>(text.data(), text.size())), mode);
}

}  // namespace spankey
