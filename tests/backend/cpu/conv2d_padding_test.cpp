#include "spankey/backend/cpu/conv2d_padding.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

using namespace spankey;

namespace {
conv2d_problem problem(index_t samples, index_t size) {
  return {samples, {3, size, size + 1}, {4, size, size + 1}, 3, 1, 1};
}
}  // namespace

TEST_CASE("pad_source: every pixel where it was, one place further in; zeros around") {
  const conv2d_problem p = problem(2, 4);
  std::vector<float> x(static_cast<std::size_t>(p.samples * p.in.size()));
  std::iota(x.begin(), x.end(), 1.0F);
  REQUIRE(cpu::padded_source_size(p) == 2 * 6 * 7 * 3);
  std::vector<float> to(static_cast<std::size_t>(cpu::padded_source_size(p)) + 1, -1.0F);
  cpu::pad_source(p, x.data(), to.data());
  bool same = true;
  for (index_t n = 0; n < 2; ++n)
    for (index_t h = 0; h < 6; ++h)
      for (index_t w = 0; w < 7; ++w)
        for (index_t c = 0; c < 3; ++c) {
          const bool inside = h >= 1 && h < 5 && w >= 1 && w < 6;
          const float expected =
              inside ? x[static_cast<std::size_t>(((n * 4 + h - 1) * 5 + w - 1) * 3 + c)] : 0.0F;
          same = same && to[static_cast<std::size_t>(((n * 6 + h) * 7 + w) * 3 + c)] == expected;
        }
  CHECK(same);
  CHECK(to.back() == -1.0F);
}

TEST_CASE("pads_source: few samples of small images only, and never without padding") {
  CHECK(cpu::pads_source(problem(1, 4)));
  CHECK_FALSE(cpu::pads_source(problem(1, 32)));
  CHECK_FALSE(cpu::pads_source(problem(cpu::padding_samples + 1, 4)));
  CHECK_FALSE(cpu::pads_source(cpu::padded_problem(problem(1, 4))));
  // Scratch is planned for the largest batch; a smaller one needs no more.
  CHECK(cpu::padded_source_size(problem(500, 4)) ==
        cpu::padded_source_size(problem(cpu::padding_samples, 4)));
}
