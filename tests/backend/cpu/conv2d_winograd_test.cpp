// Which problems go through Winograd's transform, and that it changes rounding only.
#include "spankey/backend/cpu/conv2d_winograd.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "spankey/backend/cpu/conv2d.hpp"
#include "spankey/core/random.hpp"

using namespace spankey;

namespace {

using kernels = conv2d_kernels<backend::cpu, float>;

constexpr conv2d_problem problem(index_t samples, index_t channels, index_t size) {
  return {samples, {channels, size, size}, {channels, size, size}, 3, 1, 1};
}

template <class T>
constexpr index_t side(const conv2d_problem& p) {
  return cpu::winograd_side<T>(p);
}
static_assert(side<float>(problem(16, 64, 8)) == 4);
static_assert(side<bf16>(problem(16, 64, 8)) == 2, "bf16 would lose too much with side 4");
static_assert(side<float>(problem(16, 64, 6)) == 2, "9 windows of 16 points against 4 of 36");
static_assert(side<float>(problem(2, 64, 8)) == 0, "too few samples to pay for the weights");
static_assert(side<float>(problem(16, 40, 8)) == 0, "outputs that leave a rest");
static_assert(side<float>(problem(16, 64, 7)) == 4, "an odd image: 144 multiplications against 361");
static_assert(side<float>(problem(16, 64, 2)) == 0,
              "the direct kernels skip the padding: 16 multiplications");
static_assert(side<float>({16, {24, 8, 8}, {64, 8, 8}, 3, 1, 1}) == 4, "half a register of inputs");
static_assert(side<float>({16, {64, 8, 8}, {64, 4, 4}, 3, 2, 1}) == 0, "a stride");
static_assert(side<float>({16, {64, 8, 8}, {64, 8, 8}, 1, 1, 0}) == 0, "another kernel");
static_assert(kernels::scratch_size(problem(16, 64, 8)) > kernels::scratch_size(problem(2, 64, 8)));

std::vector<float> gaussian(index_t count, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  const random_source random(seed, stream::weights);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.gaussian(i));
  return values;
}

// |a - b| / |b| over the first `count` elements.
double difference(const std::vector<float>& a, const std::vector<float>& b, index_t count) {
  double apart = 0, norm = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    apart += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(apart / norm);
}

}  // namespace

TEST_CASE(
    "winograd: the two samples that a batch of 17 shares with a batch of 2 agree with the direct kernels") {
  for (const conv2d_problem& many : {problem(17, 64, 8), problem(17, 64, 7), problem(17, 64, 6),
                                     conv2d_problem{17, {24, 9, 8}, {48, 9, 8}, 3, 1, 1}}) {
    conv2d_problem few = many;
    few.samples = 2;
    REQUIRE(side<float>(few) == 0);
    CAPTURE(many.in.height);
    const double limit = side<float>(many) == 4 ? 2e-6 : 1e-6;
    const std::vector<float> x = gaussian(many.samples * many.in.size(), 1),
                             w = gaussian(many.weight_size(), 2),
                             dy = gaussian(many.samples * many.out.size(), 3);
    REQUIRE(side<float>(many) != 0);
    std::vector<float> scratch(static_cast<std::size_t>(kernels::scratch_size(many)));
    for (const isa family : {isa::avx2, isa::avx512}) {
      if (family > best_isa()) continue;
      const isa before = active_isa();
      use_isa(family);
      std::vector<float> fast(dy.size()), direct(dy.size());
      kernels::forward(many, x.data(), w.data(), nullptr, fast.data(), scratch.data());
      kernels::forward(few, x.data(), w.data(), nullptr, direct.data(), scratch.data());
      CHECK(difference(fast, direct, few.samples * few.out.size()) < limit);
      CHECK(difference(fast, direct, few.samples * few.out.size()) > 0);  // else one of them did not run
      std::vector<float> dx(x), same_dx(x);
      for (const bool accumulate : {false, true}) {
        kernels::backward_data(many, dy.data(), w.data(), dx.data(), accumulate, scratch.data());
        kernels::backward_data(few, dy.data(), w.data(), same_dx.data(), accumulate, scratch.data());
        CHECK(difference(dx, same_dx, few.samples * few.in.size()) < limit);
      }
      use_isa(before);
    }
  }
}

TEST_CASE("winograd: a smaller batch never has a greater side, nor needs more scratch than was planned") {
  for (const index_t channels : {24, 64, 256})
    for (const index_t size : {1, 2, 3, 4, 5, 7, 8, 13, 32}) {
      const auto of = [&](index_t n) {
        return conv2d_problem{n, {channels, size, size}, {64, size, size}, 3, 1, 1};
      };
      for (index_t n = 1; n < 300; ++n) {
        CAPTURE(channels);
        CAPTURE(size);
        CAPTURE(n);
        REQUIRE(side<float>(of(n)) <= side<float>(of(n + 1)));
        REQUIRE(kernels::scratch_size(of(n)) <= kernels::scratch_size(of(n + 1)));
      }
    }
}
