// Tensors of the CUDA backend lie in device memory, in blocks of one cudaMalloc each. No managed memory: what the host
// fills or reads goes through a copy of its own.
#pragma once

#include <type_traits>
#include <vector>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/cuda/device.hpp"
#include "spankey/core/memory.hpp"

namespace spankey {

template <>
struct memory_of<backend::cuda> {
  static constexpr bool on_host = false;

  static std::byte* reserve(std::size_t bytes) { return cuda::reserve(bytes); }
  static void release(std::byte* memory) noexcept { cuda::release(memory); }
  template <class T>
  static void zero(T* to, index_t count) {
    cuda::zero(to, bytes_of<T>(count));
  }
  template <class T>
  static void copy(const T* from, index_t count, T* to) {
    cuda::copy(from, bytes_of<T>(count), to);
  }
  template <class T>
  static void copy_rows(index_t rows, index_t width, const T* from, index_t from_stride, T* to,
                        index_t to_stride) {
    cuda::copy_rows(static_cast<std::size_t>(rows), bytes_of<T>(width), from, bytes_of<T>(from_stride), to,
                    bytes_of<T>(to_stride));
  }
  template <class T, class F>
  static void write(T* to, index_t count, F&& f) {
    std::vector<T> host(static_cast<std::size_t>(count));
    f(host.data());
    cuda::upload(host.data(), bytes_of<T>(count), to);
  }
  template <class T, class F>
  static decltype(auto) read(const T* from, index_t count, F&& f) {
    std::vector<std::remove_const_t<T>> host(static_cast<std::size_t>(count));
    cuda::download(from, bytes_of<T>(count), host.data());
    return f(static_cast<const T*>(host.data()));
  }

 private:
  template <class T>
  static constexpr std::size_t bytes_of(index_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    return static_cast<std::size_t>(count) * sizeof(T);
  }
};

namespace cuda {

/// Memory of the host that the GPU copies from and to by itself, for core/memory_block.hpp.
struct pinned_memory {
  static constexpr bool on_host = true;
  static std::byte* reserve(std::size_t bytes) { return reserve_pinned(bytes); }
  static void release(std::byte* memory) noexcept { release_pinned(memory); }
};

}  // namespace cuda
}  // namespace spankey
