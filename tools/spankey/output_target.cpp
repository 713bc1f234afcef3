#include "output_target.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "output_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;
using spankey::printable;

// The descriptor that a name stands for, or -1.
int descriptor_of(std::string_view file) {
  if (file == "-" || file == "/dev/stdout") return 1;
  if (file == "/dev/stderr") return 2;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!file.starts_with(folder)) continue;
    const std::string_view digits = file.substr(folder.size());
    int number = -1;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (code == std::errc{} && end == digits.data() + digits.size() && number >= 0) return number;
  }
  return -1;
}

void require_descriptor(const char* flag, const std::string& file, int fd) {
  const std::string found = "found '" + printable(file) + "', ";
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
    fail("flag.119", flag, found, "which is not open for writing; expected a file, or a pipe");
  if (::isatty(fd) != 0)
    fail("flag.119", flag, found, "which is a terminal; expected a file, or a pipe: it is not text");
}

// Whether the file is of a kind that may be made again.
bool may_replace(const std::string& file, replaces old) {
  std::array<char, 1024> begin{};
  std::ifstream in(file, std::ios::binary);
  in.read(begin.data(), begin.size());
  const std::string_view text(begin.data(), static_cast<std::size_t>(in.gcount()));
  if (old == replaces::weight_image) return text.empty() || text.starts_with("SPANKEY1");
  return text.empty() ||
         text.find("Weights only, no key. Written by spankey convert.") != std::string_view::npos;
}

void require_replaceable(const char* flag, const std::string& file, replaces old) {
  std::error_code code;
  const fs::file_status link = fs::symlink_status(file, code);
  if (!fs::exists(link)) return;
  const std::string found = "found '" + printable(file) + "', ";
  if (old == replaces::nothing)
    fail("flag.119", flag, found,
         "which is there already; expected a new file: a key that is written over is gone");
  if (fs::is_regular_file(file, code) && may_replace(file, old)) return;
  fail("flag.119", flag, found, "which convert did not write as this; expected a new file, or ",
       old == replaces::weight_image ? "a weight image" : "a header of weights", " to replace");
}

void write_stream(int fd, const std::string& name, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      fail("io.112", name, "cannot write the last ", bytes.size(),
           " bytes: ", std::generic_category().message(written < 0 ? errno : EIO));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace

output_target::output_target(const char* flag, const std::string& file, replaces old)
    : file_(file), descriptor_(descriptor_of(file)) {
  if (file_.empty()) return;
  if (descriptor_ >= 0) {
    require_descriptor(flag, file, descriptor_);
    return;
  }
  std::error_code code;
  fifo_ = fs::is_fifo(file, code);
  if (fifo_) return;
  require_output(flag, file);
  require_replaceable(flag, file, old);
}

std::string output_target::identity() const {
  if (descriptor_ >= 0) return "descriptor " + std::to_string(descriptor_);
  std::error_code code;
  return fs::weakly_canonical(file_, code).string();
}

std::string output_target::name() const { return descriptor_ == 1 ? "standard output" : printable(file_); }

void output_target::write(std::span<const std::byte> bytes, spankey::file_mode mode) const {
  if (descriptor_ >= 0) return write_stream(descriptor_, name(), bytes);
  if (!fifo_) return spankey::write_file_atomically(file_, bytes, mode);
  int fd = -1;
  do fd = ::open(file_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) fail("io.111", name(), "cannot open it: ", std::generic_category().message(errno));
  try {
    write_stream(fd, name(), bytes);
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
}
