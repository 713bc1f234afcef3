// Writes a whole file or nothing: a reader, or a machine that loses power, sees the old file or the new one.
//
//   open a file without a name (O_TMPFILE, with its final mode) -> write all -> fsync -> link it to its name ->
//   fsync of the directory
//
// A process that is killed before the link leaves nothing behind. Where the name is taken the file gets a temporary one
// (file/abandoned_files.hpp) for the moment before `rename`; where a file system has no files without a name, from
// the start. What a killed process left under such a name the next write of a secret in that folder removes.
// The mode holds from the first moment, so a secret is never readable by others, not even while it is
// written. Every return value that can still change something is checked. POSIX.
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

#include "spankey/core/compiled.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/abandoned_files.hpp"
#include "spankey/file/printable.hpp"

namespace spankey {

/// Permissions of a new file (the process's umask may take more away).
enum class file_mode : unsigned { shared = 0644, secret = 0600 };

/// The system calls that write files; tests put failing ones in their place.
struct posix_calls {
  static int open(const char* path, int flags, unsigned mode) { return ::open(path, flags, mode); }
  static ssize_t write(int fd, const void* bytes, std::size_t count) { return ::write(fd, bytes, count); }
  static int fsync(int fd) { return ::fsync(fd); }
  static int close(int fd) { return ::close(fd); }
  /// Gives a file without a name one that is free.
  static int link(int fd, const char* path) {
    char opened[32];
    std::snprintf(opened, sizeof opened, "/proc/self/fd/%d", fd);
    return ::linkat(AT_FDCWD, opened, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
  }
  static int rename(const char* from, const char* to) { return ::rename(from, to); }
  static int unlink(const char* path) { return ::unlink(path); }
  static int ftruncate(int fd, std::uint64_t bytes) { return ::ftruncate(fd, static_cast<off_t>(bytes)); }
};

/// One file on its way to its name. What it fails with: write_file_atomically.
template <class Calls>
class file_in_making {
 public:
  file_in_making(const std::string& path, file_mode mode)
      : path_(path), where_(printable(path)), mode_(mode) {
    const std::size_t slash = path.find_last_of('/');
    directory_ = slash == std::string::npos ? "./" : path.substr(0, slash + 1);
  }
  ~file_in_making() { close(); }
  file_in_making(const file_in_making&) = delete;
  file_in_making& operator=(const file_in_making&) = delete;

  /// False, and nothing has happened, where that is not possible here.
  bool put_without_a_name([[maybe_unused]] std::span<const std::byte> bytes) {
#if defined(O_TMPFILE)
    fd_ = open(directory_, O_WRONLY | O_TMPFILE, mode_);
    if (fd_ < 0) return false;
    fill(bytes);
    if (Calls::link(fd_, path_.c_str()) == 0) return close(), true;
    if (errno == EEXIST && link_to_temporary()) return rename(), true;
    close();
#endif
    return false;
  }

  void put_under_a_temporary_name(std::span<const std::byte> bytes) {
    remove_abandoned();
    create_temporary();
    fill(bytes);
    rename();
  }

  void flush_directory() {
    const int folder = open(directory_, O_RDONLY | O_DIRECTORY, file_mode::secret);
    int code = folder < 0 ? errno : 0;
    if (folder >= 0 && flush(folder) != 0) code = errno;
    if (folder >= 0 && Calls::close(folder) != 0 && errno != EINTR && code == 0) code = errno;
    // Some file systems cannot flush a directory and say so; there is nothing more to do there.
    if (code != 0 && code != EINVAL && code != ENOTSUP) {
      fail("io.115", where_, "written, but cannot flush its directory ", in_quotes(directory_), ": ",
           reason(code));
    }
  }

 private:
  static constexpr int most_names = 1000;

  static std::string reason(int code) { return std::generic_category().message(code); }
  static int open(const std::string& name, int flags, file_mode permissions) {
    int fd = -1;
    do fd = Calls::open(name.c_str(), flags | O_CLOEXEC, static_cast<unsigned>(permissions));
    while (fd < 0 && errno == EINTR);
    return fd;
  }
  static int flush(int file) {
    int result = 0;
    do result = Calls::fsync(file);
    while (result != 0 && errno == EINTR);
    return result;
  }
  // What it says cannot change anything any more: all bytes are on the device, or not wanted.
  void close() {
    if (fd_ >= 0) Calls::close(fd_);
    fd_ = -1;
  }
  void remove_abandoned() const {
    if (mode_ == file_mode::secret) remove_abandoned_files(directory_);
  }

  // Leftovers of a killed process and other threads only make the number grow.
  bool link_to_temporary() {
    remove_abandoned();
    lock_file(fd_);
    for (int number = 0; number < most_names; ++number) {
      std::string name = directory_ + temporary_name(number);
      if (Calls::link(fd_, name.c_str()) == 0) {
        temporary_.swap(name);
        return true;
      }
      if (errno != EEXIST) break;
    }
    return false;
  }
  void create_temporary() {
    int code = EEXIST;
    for (int number = 0; code == EEXIST && number < most_names; ++number) {
      std::string name = directory_ + temporary_name(number);
      fd_ = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode_);
      if (fd_ < 0) {
        code = errno;
        continue;
      }
      lock_file(fd_);
      if (has_a_name(fd_)) return temporary_.swap(name);
      close();
    }
    fail("io.111", where_, "cannot create a file in directory ", in_quotes(directory_), ": ", reason(code));
  }

  void fill(std::span<const std::byte> bytes) {
    for (std::span<const std::byte> rest = bytes; !rest.empty();) {
      const ssize_t written = Calls::write(fd_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        give_up("io.112", written < 0 ? errno : EIO, "write beyond byte ", bytes.size() - rest.size(), " of ",
                bytes.size());
      }
      rest = rest.subspan(static_cast<std::size_t>(written));
    }
    if (flush(fd_) != 0) give_up("io.113", errno, "flush to the device");
  }

  // Closed, and with that unlocked, only when the temporary name is gone.
  void rename() {
    if (Calls::rename(temporary_.c_str(), path_.c_str()) != 0)
      give_up("io.114", errno, "rename \"", temporary_, "\" to it");
    close();
  }

  // Everything is put back before fail(), which may abort instead of throwing, and before anything takes memory.
  template <class... Step>
  [[noreturn]] void give_up(std::string_view id, int code, const Step&... step) {
    const bool left = !temporary_.empty() && Calls::unlink(temporary_.c_str()) != 0;
    close();
    fail(id, where_, "cannot ", step..., ": ", reason(code), left ? "; could not remove \"" : "",
         left ? temporary_.c_str() : "", left ? "\" either" : "");
  }

  const std::string& path_;
  std::string where_, directory_, temporary_;
  file_mode mode_;
  int fd_ = -1;
};

/// Replaces or creates `path` with exactly `bytes`. Errors: io.111 create, io.112 write, io.113 flush, io.114 rename (all
/// four leave `path` as it was), io.115 the new file is in place, but its directory entry may not survive a power loss.
template <class Calls = posix_calls>
void write_file_atomically(const std::string& path, std::span<const std::byte> bytes, file_mode mode) {
  file_in_making<Calls> file(path, mode);
  if (!file.put_without_a_name(bytes)) file.put_under_a_temporary_name(bytes);
  file.flush_directory();
}

/// The same for text (JSON files).
template <class Calls = posix_calls>
void write_file_atomically(const std::string& path, std::string_view text, file_mode mode) {
  write_file_atomically<Calls>(path, std::as_bytes(std::span<const char>(text.data(), text.size())), mode);
}

#if defined(SPANKEY_COMPILED)
extern template void write_file_atomically<posix_calls>(const std::string&, std::span<const std::byte>,
                                                        file_mode);
extern template void write_file_atomically<posix_calls>(const std::string&, std::string_view, file_mode);
#endif

}  // namespace spankey
