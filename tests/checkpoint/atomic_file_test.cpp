#include "spankey/checkpoint/atomic_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>

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
  static int rename(const char* from, const char* to) { return fails() ? -1 : ::rename(from, to); }
  static int unlink(const char* path) { return fails() ? -1 : ::unlink(path); }
};

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
  const scratch_directory directory;
  rough_calls::calls = rough_calls::failing = rough_calls::open_files = 0;
  const mode_t before = ::umask(0);
  spankey::write_file_atomically<rough_calls>(directory / "a", "0123456789", file_mode::secret);
  ::umask(before);
  CHECK(content_of(directory / "a") == "0123456789");
  CHECK(rough_calls::seen_mode == 0600);
  CHECK(rough_calls::open_files == 0);
  CHECK(std::filesystem::path(rough_calls::temporary).parent_path() == directory.path());
}

TEST_CASE("whichever system call fails, the file is the old one or the new one") {
  bool failed = true;
  int steps = 0;
  for (int n = 1; failed; ++n) {
    const scratch_directory directory;
    put(directory / "a", "old");
    rough_calls::calls = rough_calls::open_files = 0;
    rough_calls::failing = n;
    rough_calls::code = ENOSPC;
    const std::string id = id_of([&] {
      spankey::write_file_atomically<rough_calls>(directory / "a", "0123456789", file_mode::shared);
    });
    failed = id != "no error";
    CAPTURE(n);
    CAPTURE(id);
    CHECK(content_of(directory / "a") == (id == "no error" || id == "io.115" ? "0123456789" : "old"));
    CHECK(files_in(directory) == 1);
    CHECK(rough_calls::open_files == 0);
    steps = n;
  }
  // open, four writes, fsync, close, rename, then open, fsync and close of the directory
  CHECK(steps == 12);
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
