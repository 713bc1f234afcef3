// What the harnesses share. A harness is one function, LLVMFuzzerTestOneInput, linked with libFuzzer (build.sh) or with
// replay.cpp, which calls it for every file of its corpus: then it is an ordinary test.
//
// A reader may do two things with any input: succeed, or end with spankey::error, whose message is one line. Every other
// exception (bad_alloc, length_error), a sanitizer's report, a hang or a broken promise ends the process: a finding.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "spankey/core/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace spankey_test {

/// Ends the process where a promise does not hold.
inline void promise(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

/// Calls f(); true where it ended without an error.
template <class F>
bool accepts(F&& f) {
  try {
    f();
    return true;
  } catch (const spankey::error& problem) {
    const std::string_view line = problem.what();
    promise(line.starts_with("[spankey.") && line.size() < 4096,
            "an error is a short line that begins with its id");
    for (const char c : line) promise(static_cast<unsigned char>(c) >= 0x20, "an error is one line");
    return false;
  }
}

/// A file with these bytes that has a path and lies in memory.
class memory_file {
 public:
  explicit memory_file(std::span<const std::uint8_t> bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    promise(fd_ >= 0, "memfd_create");
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      promise(written > 0, "write to memory");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  ~memory_file() { ::close(fd_); }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace spankey_test
