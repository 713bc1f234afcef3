// Where the tensors of a backend lie, and the only ways in and out.
//
// Ordinary memory for every backend that says nothing else: the functions then are a pointer, a loop, or nothing. A
// backend with memory of its own (backend/cuda/memory.hpp) specialises memory_of; there no code but its kernels may
// follow a pointer, and whoever fills or reads a tensor goes through write and read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>

#include "spankey/core/shape.hpp"

namespace spankey {

/// Alignment of every block that memory_of hands out.
inline constexpr std::size_t memory_alignment = 64;

template <class Backend>
struct memory_of {
  /// True where any code may follow a pointer into it.
  static constexpr bool on_host = true;

  /// `bytes` bytes set to 0, or null where there are not as many.
  static std::byte* reserve(std::size_t bytes) {
    void* const memory = ::operator new (bytes, std::align_val_t{memory_alignment}, std::nothrow);
    if (memory != nullptr) std::memset(memory, 0, bytes);
    return static_cast<std::byte*>(memory);
  }
  static void release(std::byte* memory) noexcept {
    ::operator delete (memory, std::align_val_t{memory_alignment});
  }

  /// to(i) = 0.
  template <class T>
  static void zero(T* to, index_t count) {
    std::fill_n(to, count, T{});
  }
  /// to(i) = from(i), both in this memory.
  template <class T>
  static void copy(const T* from, index_t count, T* to) {
    std::copy_n(from, count, to);
  }
  /// The same for `rows` rows of `width` elements, the rows `from_stride` and `to_stride` apart.
  template <class T>
  static void copy_rows(index_t rows, index_t width, const T* from, index_t from_stride, T* to,
                        index_t to_stride) {
    for (index_t row = 0; row < rows; ++row)
      std::copy_n(from + row * from_stride, width, to + row * to_stride);
  }
  /// f(host) fills `count` elements, every one of them, at a pointer that it may follow.
  template <class T, class F>
  static void write(T* to, index_t /*count*/, F&& f) {
    f(to);
  }
  /// Returns f(host), which reads `count` elements at a pointer that it may follow.
  template <class T, class F>
  static decltype(auto) read(const T* from, index_t /*count*/, F&& f) {
    return f(from);
  }
};

/// The memory of a model: its backend's, or ordinary memory where it names none.
template <class Model>
struct memory_of_model : memory_of<void> {};
template <class Model>
requires requires { typename Model::backend_type; }
struct memory_of_model<Model> : memory_of<typename Model::backend_type> {};

}  // namespace spankey
