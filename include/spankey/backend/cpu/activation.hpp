// Activations, CPU, element by element; everything overwrites. Specification: backend/reference/activation.hpp, which says
// what backward reads. x and y, dy and dx may be the same memory. A NaN stays a NaN.
// Errors beside exact ones: gelu, gelu_tanh and silu 1e-6 of 1 + |y|, gelu and silu also 1e-6 of y; gradients 1e-6 of
// 1 + |dx / dy|. bf16 computes in float and is rounded once.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/exponential.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/activation.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct activation_kernels<backend::cpu, T> {
  static void forward(activation act, index_t count, const T* x, T* y) {
    switch (act) {
      case activation::identity:
        return copy(count, x, y);
      case activation::relu:
        return map(SPANKEY_DISPATCH(relu_forward), count, x, y);
      case activation::gelu:
        return map(SPANKEY_DISPATCH(gelu_forward), count, x, y);
      case activation::gelu_tanh:
        return map(SPANKEY_DISPATCH(gelu_tanh_forward), count, x, y);
      case activation::silu:
        return map(SPANKEY_DISPATCH(silu_forward), count, x, y);
    }
  }
  static void backward(activation act, index_t count, const T* x, const T* y, const T* dy, T* dx) {
    switch (act) {
      case activation::identity:
        return copy(count, dy, dx);
      case activation::relu:
        return map(SPANKEY_DISPATCH(relu_backward), count, y, dy, dx);
      case activation::gelu:
        return map(SPANKEY_DISPATCH(gelu_backward), count, x, dy, dx);
      case activation::gelu_tanh:
        return map(SPANKEY_DISPATCH(gelu_tanh_backward), count, x, dy, dx);
      case activation::silu:
        return map(SPANKEY_DISPATCH(silu_backward), count, x, dy, dx);
    }
  }

 private:
  // kernel(n, pointers of a block), block by block in parallel.
  template <class Kernel, class... Pointers>
  static void map(const Kernel& kernel, index_t count, Pointers... of) {
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { kernel(n, of + first...); });
  }
  static void copy(index_t count, const T* from, T* to) {
    if (from == to) return;
    map([](index_t n, const T* a, T* b) { std::copy_n(a, n, b); }, count, from, to);
  }
};

}  // namespace spankey
