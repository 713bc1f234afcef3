// Where `convert` writes a result: a file, or what another program reads from.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "spankey/file/atomic_file.hpp"

/// What may be replaced by a new result: nothing that cannot be made again.
enum class replaces { nothing, weight_image, weight_header };

/// "-" is standard output, /dev/fd/N and what else names a descriptor is that one, and a FIFO is written as it stands: no
/// file beside it, so nothing stays behind of a process that is killed. Everything else is a file, written whole or not
/// at all.
class output_target {
 public:
  /// Nothing was asked for.
  output_target() = default;
  /// Fails with flag.119, naming the flag, where nothing could be written there: what require_output says, a descriptor that
  /// is not open for writing, a terminal (results are no text), or something that `old` does not let go.
  output_target(const char* flag, const std::string& file, replaces old);

  [[nodiscard]] explicit operator bool() const { return !file_.empty(); }
  /// Two targets with one identity would write over each other.
  [[nodiscard]] std::string identity() const;
  [[nodiscard]] bool is_stdout() const { return descriptor_ == 1; }
  /// Errors: those of write_file_atomically, io.112 and io.111 of a stream.
  void write(std::span<const std::byte> bytes, spankey::file_mode mode) const;
  /// The name for a line that says what was written.
  [[nodiscard]] std::string name() const;

 private:
  std::string file_;
  int descriptor_ = -1;
  bool fifo_ = false;
};
