#include "spankey/file/atomic_file.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <tuple>

#include "error_probe.hpp"
#include "scratch_directory.hpp"

namespace {

using spankey_test::id_of;

using spankey::file_mode;
using spankey_test::content_of;
using spankey_test::put;
using spankey_test::scratch_directory;

std::ptrdiff_t files_in(const scratch_directory& directory) {
  return std::distance(std::filesystem::directory_iterator(directory.path()), {});
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 0777;
}

// Writes at most three bytes at a time, is interrupted at every second call, and fails call number `failing`.
struct rough_calls {
  static inline int calls = 0, failing = 0, code = 0, open_files = 0;
  static inline bool unnamed = true;  // files without a name are possible
  static inline mode_t seen_mode = 0;
  static inline std::string temporary;

  static bool fails() {
    errno = code;
    return ++calls == failing;
  }
  static bool interrupted() {
    static bool turn = false;
    errno = EINTR;
    return turn = !turn;
  }
  static int open(const char* path, int flags, unsigned mode) {
    if ((flags & O_TMPFILE) == O_TMPFILE && !unnamed) return errno = EOPNOTSUPP, -1;
    if (interrupted() || fails()) return -1;
    const int fd = ::open(path, flags, mode);
    open_files += fd >= 0 ? 1 : 0;
    if ((flags & O_CREAT) != 0 && fd >= 0) {
      temporary = path;
      seen_mode = mode_of(path);
    }
    return fd;
  }
  static ssize_t write(int fd, const void* bytes, std::size_t count) {
    if (interrupted() || fails()) return -1;
    return ::write(fd, bytes, std::min<std::size_t>(count, 3));
  }
  static int fsync(int fd) { return interrupted() || fails() ? -1 : ::fsync(fd); }
  static int close(int fd) {
    --open_files;
    ::close(fd);
    return fails() ? -1 : 0;
  }
  static int link(int fd, const char* path) { return fails() ? -1 : spankey::posix_calls::link(fd, path); }
  static int rename(const char* from, const char* to) { return fails() ? -1 : ::rename(from, to); }
  static int unlink(const char* path) { return fails() ? -1 : ::unlink(path); }
};

// Before call number `left` the process is killed.
struct killed_calls {
  static inline int left = 0;
  static void count() {
    if (--left == 0) ::raise(SIGKILL);
  }
  static int open(const char* path, int flags, unsigned mode) { return count(), ::open(path, flags, mode); }
  static ssize_t write(int fd, const void* bytes, std::size_t size) {
    return count(), ::write(fd, bytes, size);
  }
  static int fsync(int fd) { return count(), ::fsync(fd); }
  static int close(int fd) { return count(), ::close(fd); }
  static int link(int fd, const char* path) { return count(), spankey::posix_calls::link(fd, path); }
  static int rename(const char* from, const char* to) { return count(), ::rename(from, to); }
  static int unlink(const char* path) { return count(), ::unlink(path); }
};

bool there_is(const std::string& path) { return std::filesystem::exists(path); }

}  // namespace

TEST_CASE("creates and replaces, with the mode it was told") {
  const scratch_directory directory;
  const std::string path = directory / "a.json";
  const mode_t before = ::umask(0);
  spankey::write_file_atomically(path, "one", file_mode::shared);
  CHECK(content_of(path) == "one");
  CHECK(mode_of(path) == 0644);
  spankey::write_file_atomically(path, "", file_mode::secret);
  ::umask(before);
  CHECK(content_of(path).empty());
  CHECK(mode_of(path) == 0600);
  CHECK(files_in(directory) == 1);
}

TEST_CASE("a name without directory, a very long name, a leftover temporary file") {
  const scratch_directory directory;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  const std::string name(255, 'n');
  put(".spankey-" + std::to_string(::getpid()) + "-0.tmp", "left by another");
  spankey::write_file_atomically(name, "text", file_mode::shared);
  std::filesystem::current_path(before);
  CHECK(content_of(directory / name) == "text");
  CHECK(files_in(directory) == 2);
}

TEST_CASE("errors of places leave nothing behind") {
  const scratch_directory directory;
  const auto write = [](const std::string& path) {
    return id_of([&] { spankey::write_file_atomically(path, "text", file_mode::shared); });
  };
  std::filesystem::create_directory(directory / "folder");
  put(directory / "file", "x");
  CHECK(write(directory / "missing/a") == "io.111");
  CHECK(write(directory / "file/a") == "io.111");
  CHECK(write(directory / "folder") == "io.114");
  CHECK(write(directory / std::string(256, 'n')) == "io.114");
  CHECK(files_in(directory) == 2);
}

TEST_CASE("short writes and interruptions are no errors") {
  for (const bool unnamed : {false, true}) {
    const scratch_directory directory;
    rough_calls::calls = rough_calls::failing = rough_calls::open_files = 0;
    rough_calls::unnamed = unnamed;
    rough_calls::temporary.clear();
    const mode_t before = ::umask(0);
    spankey::write_file_atomically<rough_calls>(directory / "a", "0123456789", file_mode::secret);
    ::umask(before);
    CHECK(content_of(directory / "a") == "0123456789");
    CHECK(mode_of(directory / "a") == 0600);
    CHECK(rough_calls::open_files == 0);
    CHECK(files_in(directory) == 1);
    if (unnamed) {
      CHECK(rough_calls::temporary.empty());
    } else {
      CHECK(rough_calls::seen_mode == 0600);
      CHECK(std::filesystem::path(rough_calls::temporary).parent_path() == directory.path());
    }
  }
}

TEST_CASE("whichever system call fails, the file is the old one or the new one") {
  // open, four writes, fsync; a name: link twice and rename, or rename; close, then open, fsync and close of the directory
  for (const auto& [unnamed, replaces, expected] :
       {std::tuple(true, true, 13), {true, false, 11}, {false, true, 11}}) {
    rough_calls::unnamed = unnamed;
    int errors = 0;
    for (int n = 0; n <= expected; ++n) {
      const scratch_directory directory;
      if (replaces) put(directory / "a", "old");
      rough_calls::calls = rough_calls::open_files = 0;
      rough_calls::failing = n;
      rough_calls::code = ENOSPC;
      const std::string id = id_of([&] {
        spankey::write_file_atomically<rough_calls>(directory / "a", "0123456789", file_mode::shared);
      });
      CAPTURE(n);
      CAPTURE(id);
      if (n == 0) CHECK(rough_calls::calls == expected);
      errors += id != "no error" ? 1 : 0;
      const bool written = id == "no error" || id == "io.115";
      if (written || replaces) CHECK(content_of(directory / "a") == (written ? "0123456789" : "old"));
      CHECK(files_in(directory) == (written || replaces ? 1 : 0));
      CHECK(rough_calls::open_files == 0);
    }
    // Where there are no files without a name, or no link, a temporary one does; closing what is flushed cannot lose it.
    CHECK(errors == (unnamed ? replaces ? 9 : 8 : 10));
  }
  rough_calls::unnamed = true;
}

TEST_CASE("a file system that cannot flush directories is accepted") {
  const scratch_directory directory;
  rough_calls::calls = 0;
  rough_calls::failing = 10;
  rough_calls::code = EINVAL;
  CHECK(id_of([&] {
          spankey::write_file_atomically<rough_calls>(directory / "a", "0123456789", file_mode::shared);
        }) == "no error");
  CHECK(rough_calls::calls == 11);
}

TEST_CASE("a process that is killed leaves nothing of a new file, and of a replaced one nothing for long") {
  // What killed it, by the call before which it came: a name exists only between its link and its rename.
  for (const bool replaces : {false, true}) {
    int left = 0;
    for (int n = 1; n <= 13; ++n) {
      const scratch_directory directory;
      if (replaces) put(directory / "keys", "old");
      const pid_t child = ::fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        killed_calls::left = n;
        spankey::write_file_atomically<killed_calls>(directory / "keys", "secret", file_mode::secret);
        ::_exit(0);
      }
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      const bool ended = WIFEXITED(status);
      const std::string found = there_is(directory / "keys") ? content_of(directory / "keys") : "";
      CHECK((found == "secret" || found == (replaces ? "old" : "")));
      const auto expected = found.empty() ? 0 : 1;
      left += files_in(directory) != expected ? 1 : 0;
      if (!replaces) CHECK(files_in(directory) == expected);
      spankey::write_file_atomically(directory / "keys", "secret", file_mode::secret);
      CHECK(files_in(directory) == 1);
      if (ended) break;
    }
    CHECK(left <= (replaces ? 1 : 0));
  }
}
