// Sums of activations on the CPU: every length, in place, nothing beyond the end; float and bf16, rounded once.
#include "spankey/backend/cpu/elementwise.hpp"

#include <doctest/doctest.h>

#include "agreement.hpp"

namespace {
using namespace agreement;
using spankey::bf16;
template <class T>
using kernels = spankey::elementwise_kernels<spankey::backend::cpu, T>;
}  // namespace

TEST_CASE_TEMPLATE("sums: a + b, and += in place", T, float, bf16) {
  for_each_isa([] {
    for (const index_t count : {0, 1, 3, 17, 64, 65, 40001}) {
      CAPTURE(count);
      const std::vector<T> a = values<T>(count + 1, 1), b = values<T>(count + 1, 2);
      std::vector<T> y(a.size(), T(9.0F)), to = a;
      std::vector<float> exact = floats(a);
      for (std::size_t i = 0; i < exact.size(); ++i) exact[i] += static_cast<float>(b[i]);
      exact.back() = 9.0F;
      kernels<T>::sum(count, a.data(), b.data(), y.data());
      CHECK(same_bits(y, rounded<T>(exact)));
      kernels<T>::add(count, b.data(), to.data());
      CHECK(static_cast<float>(to.back()) == static_cast<float>(a.back()));
      to.back() = y.back();
      CHECK(same_bits(to, y));
    }
  });
}

TEST_CASE_TEMPLATE("columns: go where they are to, and nowhere else", T, float, bf16) {
  for (const index_t rows : {0, 1, 7, 3000}) {
    const std::vector<T> from = values<T>(rows * 9, 1);
    std::vector<T> to(static_cast<std::size_t>(rows * 6), T(9.0F));
    kernels<T>::copy_columns(rows, 4, from.data() + 2, 9, to.data() + 1, 6);
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::size_t c = i % 6;
      const float expected = c >= 1 && c < 5 ? static_cast<float>(from[i / 6 * 9 + c + 1]) : 9.0F;
      if (static_cast<float>(to[i]) != expected) CHECK(static_cast<float>(to[i]) == expected);
    }
  }
}
