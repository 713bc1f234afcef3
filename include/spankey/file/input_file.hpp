// A regular file opened for reading, with its size known before anything is read or allocated.
//
// Opened without blocking and checked on the open descriptor, so a FIFO, a device or a directory in the place
// of a file is an error instead of a program that hangs. POSIX.
#pragma once

#include <cstddef>
#include <string>

#include "spankey/core/compiled.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

class input_file {
 public:
  /// Errors: io.101 missing or unreadable, io.102 not a regular file.
  SPANKEY_INLINE explicit input_file(const std::string& path);
  ~input_file() { close(); }
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;

  /// Bytes of the file when it was opened.
  [[nodiscard]] index_t size() const { return size_; }
  /// The path, fit for an error message.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// The next `count` bytes. Errors: io.103 read error, io.104 the file became shorter.
  SPANKEY_INLINE void read(std::byte* out, index_t count);
  /// `count` bytes from byte `first` on, wherever read() stands; any number of threads at once. Errors: io.103, io.104.
  SPANKEY_INLINE void read_at(index_t first, std::byte* out, index_t count) const;

 private:
  SPANKEY_INLINE void close();

  template <class... Values>
  [[noreturn]] void fail_here(std::string_view id, const Values&... values);
  // After a system call that returned `got` instead of `missing` bytes.
  SPANKEY_INLINE void require_bytes(index_t got, index_t missing) const;

  std::string name_;
  int fd_ = -1;
  index_t size_ = 0;
};

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/file/input_file.inl"
#endif
