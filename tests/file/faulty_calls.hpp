// System calls that fail on purpose: one call of all, or one of its kind, with any error; or the power goes at it.
//
// Writes come in small parts and every second call is interrupted first (EINTR), as the system may do. At a power cut
// what was not flushed is lost, or half of it: the exception power_cut ends the test's process, so to speak.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "spankey/file/atomic_file.hpp"

namespace spankey_test {

enum class call { open, write, fsync, close, link, rename, unlink, ftruncate, any };
inline constexpr std::array<const char*, 9> call_names = {"open",   "write",  "fsync",     "close", "link",
                                                          "rename", "unlink", "ftruncate", "any"};

struct power_cut {};

struct faulty_calls {
  static inline call kind = call::any;    // which calls are counted
  static inline int failing = 0;          // number of the one that fails, from 1; 0: none
  static inline int code = 0;             // errno then; 0: the power goes
  static inline std::size_t part = 4096;  // most bytes of one write
  static inline int calls = 0;
  static inline int open_files = 0;
  static inline bool interrupts = true;

  /// Starts counting.
  static void expect(call which, int number, int error) {
    kind = which, failing = number, code = error;
    calls = 0;
    dead = false;
    dirty().clear();
  }

  static int open(const char* path, int flags, unsigned mode) {
    if (interrupted() || fails(call::open)) return -1;
    const int fd = ::open(path, flags, mode);
    if (fd < 0) return fd;
    ++open_files;
    // Without a name as long as it is open.
    names()[fd] = (flags & O_TMPFILE) == O_TMPFILE ? "/proc/self/fd/" + std::to_string(fd) : path;
    return fd;
  }
  static ssize_t write(int fd, const void* bytes, std::size_t count) {
    if (interrupted() || fails(call::write)) return -1;
    dirty().try_emplace(names()[fd], size_of(names()[fd]));
    return ::write(fd, bytes, std::min(count, part));
  }
  static int fsync(int fd) {
    if (interrupted() || fails(call::fsync)) return -1;
    dirty().erase(names()[fd]);
    return 0;  // there is no real power cut here
  }
  static int close(int fd) {
    if (names().erase(fd) == 0) return -1;  // after a power cut
    --open_files;
    ::close(fd);  // the descriptor is gone, whatever this call says
    return fails(call::close) ? -1 : 0;
  }
  static int link(int fd, const char* path) {
    if (fails(call::link)) return -1;
    const int linked = spankey::posix_calls::link(fd, path);
    if (linked == 0) renamed(names()[fd], path), names()[fd] = path;
    return linked;
  }
  static int rename(const char* from, const char* to) {
    if (fails(call::rename)) return -1;
    renamed(from, to);
    for (auto& [fd, name] : names())
      if (name == from) name = to;
    return ::rename(from, to);
  }
  static int unlink(const char* path) { return fails(call::unlink) ? -1 : ::unlink(path); }
  static int ftruncate(int fd, std::uint64_t bytes) {
    return interrupted() || fails(call::ftruncate) ? -1 : ::ftruncate(fd, static_cast<off_t>(bytes));
  }

 private:
  static std::map<int, std::string>& names() {
    static std::map<int, std::string> all;
    return all;
  }
  // Files with more in them than was flushed, and how much that was.
  static std::map<std::string, off_t>& dirty() {
    static std::map<std::string, off_t> all;
    return all;
  }
  static void renamed(const std::string& from, const char* to) {
    if (auto unflushed = dirty().extract(from); !unflushed.empty()) {
      unflushed.key() = to;
      dirty().insert(std::move(unflushed));
    }
  }
  static off_t size_of(const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 ? found.st_size : 0;
  }
  static bool interrupted() {
    static bool turn = false;
    errno = EINTR;
    return interrupts && (turn = !turn);
  }
  static inline bool dead = false;
  static bool fails(call which) {
    if (dead) throw power_cut{};
    if (kind != call::any && kind != which) return false;
    if (++calls != failing) return false;
    if (code == 0) {
      for (const auto& [path, flushed] : dirty())
        (void)!::truncate(path.c_str(), flushed + (size_of(path) - flushed) / 2);
      for (const auto& [fd, name] : names()) ::close(fd);
      names().clear();
      open_files = 0;
      dead = true;
      if (which == call::close) return false;  // destructors close, too: the next call is told
      throw power_cut{};
    }
    errno = code;
    return true;
  }
};

}  // namespace spankey_test
