#include "spankey/backend/cpu/combination.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "agreement.hpp"
#include "spankey/core/random.hpp"

using namespace spankey;

namespace {

std::vector<float> drawn(index_t count, std::uint64_t seed) {
  std::vector<float> values;
  const random_source source(seed, stream::evaluation);
  for (index_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(source.gaussian(static_cast<std::uint64_t>(i))));
  return values;
}

}  // namespace

TEST_CASE("combine: every sum, for whole and broken tiles; nothing beside it is written") {
  agreement::for_each_isa([] {
    for (const index_t n : {0, 1, 3, 4, 9}) {
      for (const index_t m : {0, 1, 5, 32}) {
        for (const index_t width : {0, 1, 7, 32, 65, 130}) {
          const index_t stride = width + 3;
          const std::vector<float> c = drawn(n * m, 1), b = drawn(m * stride, 2);
          std::vector<float> out(static_cast<std::size_t>(n * stride), 7.0F);
          cpu::combine({n, m, width, c.data(), b.data(), stride, out.data(), stride});
          double apart = 0;
          bool kept = true;
          for (index_t i = 0; i < n; ++i) {
            for (index_t t = 0; t < stride; ++t) {
              const double got = static_cast<double>(out[static_cast<std::size_t>(i * stride + t)]);
              double sum = 0;
              for (index_t j = 0; j < m; ++j) {
                sum += static_cast<double>(c[static_cast<std::size_t>(i * m + j)]) *
                       static_cast<double>(b[static_cast<std::size_t>(j * stride + t)]);
              }
              if (t < width) apart = std::max(apart, std::abs(got - sum));
              if (t >= width) kept = kept && got == 7.0;
            }
          }
          CAPTURE(n);
          CAPTURE(m);
          CAPTURE(width);
          CHECK(apart < 2e-5);
          CHECK(kept);
        }
      }
    }
  });
}

TEST_CASE("combine: an element has the same bits alone, in a batch, and wherever columns are cut") {
  agreement::for_each_isa([] {
    const index_t n = 7, m = 19, width = 150;
    const std::vector<float> c = drawn(n * m, 3), b = drawn(m * width, 4);
    std::vector<float> whole(static_cast<std::size_t>(n * width)), single(static_cast<std::size_t>(width));
    cpu::combine({n, m, width, c.data(), b.data(), width, whole.data(), width});
    for (index_t i = 0; i < n; ++i) {
      for (const index_t step : {1, 5, 16, 150}) {
        for (index_t t = 0; t < width; t += step) {
          cpu::combine({1, m, std::min(step, width - t), c.data() + i * m, b.data() + t, width,
                        single.data() + t, width});
        }
        CHECK(std::equal(single.begin(), single.end(), whole.begin() + i * width));
      }
    }
  });
}
