// Memory that holds a secret (a basis, coefficients) and is overwritten before it is given back.
//
// secret_vector<T> is a std::vector whose allocator wipes: growth, moves, clears and destruction are all
// covered. What is not covered: registers and swapped pages.
// Blocks are aligned to 64 bytes, one cache line and one AVX-512 register.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <vector>

#include "spankey/core/dialect.hpp"

namespace spankey {

/// Sets `bytes` bytes to zero; the compiler may not drop it, although nobody reads them afterwards.
inline void wipe(void* memory, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  std::memset(memory, 0, bytes);
  // The barrier claims to read the memory, so the stores above are not dead.
  __asm__ __volatile__("" : : "r"(memory) : "memory");
}

/// Allocator that wipes what it frees.
template <class T>
struct wiping_allocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};

  wiping_allocator() = default;
  template <class Other>
  constexpr wiping_allocator(const wiping_allocator<Other>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    // std::vector never asks for more than max_size(), so the product cannot overflow.
    return static_cast<T*>(::operator new(count * sizeof(T), alignment));
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe(memory, count * sizeof(T));
    ::operator delete(memory, alignment);
  }
  template <class Other>
  friend constexpr bool operator==(const wiping_allocator&, const wiping_allocator<Other>&) {
    return true;
  }
};

template <class T>
using secret_vector = std::vector<T, wiping_allocator<T>>;

}  // namespace spankey
