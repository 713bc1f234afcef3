// Dropout, CPU: y(i) = x(i) / (1 - p), or 0 where element i is dropped; the same for gradients. x and y may be the same
// memory. Specification: backend/reference/dropout.hpp. Numbers are drawn 1024 at a time, wherever a task begins.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/philox.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/dropout.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct dropout_kernels<backend::cpu, T> {
  static void forward(const dropout_problem& p, index_t count, const T* x, T* y) {
    const random_source random(p.seed, stream::dropout, p.step);
    const auto draw = SPANKEY_DISPATCH(random_words);
    const auto apply = SPANKEY_DISPATCH(dropout_elements);
    const auto scale = static_cast<float>(p.scale());
    constexpr index_t at_once = 1024;
    cpu::for_each_block(count, cpu::block_elements, [&](index_t begin, index_t size) {
      std::array<std::uint32_t, at_once> number;
      for (index_t i = begin; i < begin + size; i += at_once) {
        const index_t n = std::min(at_once, begin + size - i);
        draw(random, p.first + static_cast<std::uint64_t>(i), n, number.data());
        apply(n, static_cast<const std::uint32_t*>(number.data()), p.threshold(), scale, x + i, y + i);
      }
    });
  }
  static void backward(const dropout_problem& p, index_t count, const T* dy, T* dx) {
    forward(p, count, dy, dx);
  }
};

}  // namespace spankey
