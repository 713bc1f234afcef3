// ReLU on the CPU equals the reference, bit for bit: lengths around the vector width, in place, NaN.
#include "spankey/backend/cpu/relu.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "agreement.hpp"
#include "spankey/backend/reference/relu.hpp"

namespace {
using namespace agreement;
using kernels = spankey::relu_kernels<spankey::backend::cpu, float>;
using reference = spankey::relu_kernels<spankey::backend::reference, float>;
}  // namespace

TEST_CASE("relu: every length, in place and not") {
  for_each_isa([] {
    for (const index_t count : {1, 3, 5, 16, 17, 64, 65, 1000, 40001}) {
      CAPTURE(count);
      std::vector<float> x = values(count, 1);
      x[0] = -0.0F;
      if (count > 2) x[static_cast<std::size_t>(count / 2)] = std::numeric_limits<float>::quiet_NaN();
      const std::vector<float> dy = values(count, 2);
      std::vector<float> expected(x.size()), found(x.size(), 9.0F);
      reference::forward(count, x.data(), expected.data());
      kernels::forward(count, x.data(), found.data());
      CHECK(same_bits(found, expected));
      std::vector<float> in_place = x;
      kernels::forward(count, in_place.data(), in_place.data());
      CHECK(same_bits(in_place, expected));

      const std::vector<float> y = expected;
      reference::backward(count, y.data(), dy.data(), expected.data());
      kernels::backward(count, y.data(), dy.data(), found.data());
      CHECK(same_bits(found, expected));
      in_place = dy;
      kernels::backward(count, y.data(), in_place.data(), in_place.data());
      CHECK(same_bits(in_place, expected));
    }
  });
}

TEST_CASE("relu: nothing beyond the last element is touched") {
  for_each_isa([] {
    std::vector<float> y(40, 7.0F);
    const std::vector<float> x(40, 1.0F);
    kernels::forward(37, x.data(), y.data());
    CHECK(y[36] == 1.0F);
    CHECK(y[37] == 7.0F);
    CHECK(y[39] == 7.0F);
  });
}
