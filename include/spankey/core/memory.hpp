// Where the tensors of a backend lie, and the only ways in and out.
//
// Ordinary memory for every backend that says nothing else: the functions then are a pointer, a loop, or nothing. A
// backend with memory of its own (backend/cuda/memory.hpp) specialises memory_of; there no code but its kernels may
// follow a pointer, and whoever fills or reads a tensor goes through write and read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "spankey/core/shape.hpp"

namespace spankey {

/// Alignment of every block that memory_of hands out.
inline constexpr std::size_t memory_alignment = 64;

template <class Backend>
struct memory_of {
  /// True where any code may follow a pointer into it.
  static constexpr bool on_host = true;

  /// `bytes` bytes set to 0, or null where there are not as many. What std::calloc gives of a large block is zeros that nobody
  /// wrote: a model that is only read, or converted, does not pay for its activations and gradients.
  static std::byte* reserve(std::size_t bytes) {
    if (bytes > std::numeric_limits<std::size_t>::max() - memory_alignment) return nullptr;
    void* const block = std::calloc(1, bytes + memory_alignment);
    if (block == nullptr) return nullptr;
    // Blocks begin at multiples of a pointer's size: before the next whole address is room for one, of the block.
    const std::size_t off = memory_alignment - reinterpret_cast<std::uintptr_t>(block) % memory_alignment;
    std::byte* const memory = static_cast<std::byte*>(block) + off;
    std::memcpy(memory - sizeof block, &block, sizeof block);
    return memory;
  }
  static void release(std::byte* memory) noexcept {
    if (memory == nullptr) return;
    void* block;
    std::memcpy(&block, memory - sizeof block, sizeof block);
    std::free(block);
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
