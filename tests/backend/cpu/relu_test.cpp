// ReLU on the CPU equals the reference, bit for bit: lengths around the vector width, in place, NaN; float and bf16.
#include "spankey/backend/cpu/relu.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "agreement.hpp"
#include "spankey/backend/reference/relu.hpp"

namespace {
using namespace agreement;
using spankey::bf16;
template <class T>
using kernels = spankey::relu_kernels<spankey::backend::cpu, T>;
using reference = spankey::relu_kernels<spankey::backend::reference, float>;
}  // namespace

TEST_CASE_TEMPLATE("relu: every length, in place and not", T, float, bf16) {
  for_each_isa([] {
    for (const index_t count : {0, 1, 3, 5, 16, 17, 64, 65, 1000, 40001}) {
      CAPTURE(count);
      std::vector<T> x = values<T>(count, 1);
      if (count > 0) x[0] = T(-0.0F);
      if (count > 2) x[static_cast<std::size_t>(count / 2)] = T(std::numeric_limits<float>::quiet_NaN());
      const std::vector<T> dy = values<T>(count, 2);
      std::vector<float> exact(x.size());
      std::vector<T> found(x.size(), T(9.0F));
      reference::forward(count, floats(x).data(), exact.data());
      const std::vector<T> y = rounded<T>(exact);
      kernels<T>::forward(count, x.data(), found.data());
      CHECK(same_bits(found, y));
      std::vector<T> in_place = x;
      kernels<T>::forward(count, in_place.data(), in_place.data());
      CHECK(same_bits(in_place, y));

      reference::backward(count, floats(y).data(), floats(dy).data(), exact.data());
      const std::vector<T> dx = rounded<T>(exact);
      kernels<T>::backward(count, y.data(), dy.data(), found.data());
      CHECK(same_bits(found, dx));
      in_place = dy;
      kernels<T>::backward(count, y.data(), in_place.data(), in_place.data());
      CHECK(same_bits(in_place, dx));
    }
  });
}

TEST_CASE("relu: every bf16 is read and written as it is, but for the quiet bit of a NaN") {
  for_each_isa([] {
    std::vector<bf16> x(0x10000), y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i].bits = static_cast<std::uint16_t>(i);
    kernels<bf16>::forward(0x10000, x.data(), y.data());
    int wrong = 0;
    for (std::uint32_t i = 0; i < 0x10000; ++i) {
      const std::uint32_t magnitude = i & 0x7FFFU;
      const bool negative = i > 0x8000U && magnitude <= 0x7F80U;  // -0 and a NaN pass
      wrong += y[i].bits != (magnitude > 0x7F80U ? i | 0x40U : negative ? 0U : i);
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE_TEMPLATE("relu: nothing beyond the last element is touched", T, float, bf16) {
  for_each_isa([] {
    std::vector<T> y(40, T(7.0F));
    const std::vector<T> x(40, T(1.0F));
    kernels<T>::forward(37, x.data(), y.data());
    CHECK(static_cast<float>(y[36]) == 1.0F);
    CHECK(static_cast<float>(y[37]) == 7.0F);
    CHECK(static_cast<float>(y[39]) == 7.0F);
  });
}
