// A matrix in blocks times one row agrees with plain loops over the same rounded numbers: every tail, every family, any number of
// threads. Costs 3 s to compile.
#include "spankey/backend/cpu/block_product.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

#include "agreement.hpp"

namespace {

using namespace agreement;
using spankey::bf16;
using spankey::blocks_of;
using spankey::int8_blocks;
using spankey::numbers_of_block;
using kernels = spankey::row_kernels<spankey::backend::cpu, int8_blocks>;

struct problem {
  index_t in, out;
  std::vector<int8_blocks> q;
  std::vector<bf16> s;
  std::vector<float> x, b;

  problem(index_t inputs, index_t outputs) : in(inputs), out(outputs), x(values(in, 2)), b(values(out, 3)) {
    // All whole numbers, -128 too, and numbers behind a row's end, which count for nothing.
    for (index_t i = 0; i < out * blocks_of(in) * numbers_of_block; ++i)
      q.push_back(static_cast<int8_blocks>(i % 5 == 0 ? -128 : (i * 37 + i / 7) % 255 - 127));
    for (const float v : values(out * blocks_of(in), 4)) s.push_back(bf16(0.01F * std::abs(v)));
  }
  [[nodiscard]] std::vector<float> found(bool biased) const {
    std::vector<float> y(static_cast<std::size_t>(out) + 1, 9.0F),
        scratch(static_cast<std::size_t>(kernels::scratch_size(in, out)) + 1, 9.0F);
    kernels::rows({in, out, x.data(), q.data(), s.data(), biased ? b.data() : nullptr, y.data()},
                  scratch.data());
    CHECK(y.back() == 9.0F);
    CHECK(scratch.back() == 9.0F);
    y.pop_back();
    return y;
  }
  /// Of x as it is, or rounded as the kernel rounds it.
  [[nodiscard]] std::vector<double> expected(bool biased, bool rounds) const {
    std::vector<double> y;
    for (index_t o = 0; o < out; ++o) {
      double sum = biased ? static_cast<double>(b[static_cast<std::size_t>(o)]) : 0;
      for (index_t k = 0; k < blocks_of(in); ++k) {
        const index_t first = k * numbers_of_block, n = std::min(numbers_of_block, in - first);
        double most = 0, products = 0;
        for (index_t i = first; i < first + n; ++i)
          most = std::max(most, std::abs(static_cast<double>(x[static_cast<std::size_t>(i)])));
        for (index_t i = 0; i < n; ++i) {
          const double v = static_cast<double>(x[static_cast<std::size_t>(first + i)]);
          const index_t at = (o * blocks_of(in) + k) * numbers_of_block + i;
          products += static_cast<double>(q[static_cast<std::size_t>(at)]) *
                      (rounds ? std::nearbyint(v / most * 127) * most / 127 : v);
        }
        sum += products *
               static_cast<double>(static_cast<float>(s[static_cast<std::size_t>(o * blocks_of(in) + k)]));
      }
      y.push_back(sum);
    }
    return y;
  }
};

}  // namespace

TEST_CASE("block product: every tail") {
  for_each_isa([] {
    for (const index_t in : {1, 3, 17, 31, 32, 33, 100, 256, 300, 545})
      for (const index_t out : {1, 3, 16, 17, 130}) {
        const problem p(in, out);
        CAPTURE(in);
        CAPTURE(out);
        for (const bool biased : {false, true}) {
          CHECK(difference(p.found(biased), p.expected(biased, true)) < 2e-5);
          // Rounding x costs up to half of a whole number of every product.
          CHECK(difference(p.found(biased), p.expected(biased, false)) <
                0.02 + 0.01 * std::sqrt(static_cast<double>(in)));
        }
      }
  });
}

TEST_CASE("block product: several tasks, and the same bits for any number of threads") {
  const problem p(300, 1111);
  for_each_isa([&] { check_thread_independence([&] { return p.found(true); }); });
}

TEST_CASE("block product: zeros stay zeros, and what is no number becomes none") {
  for_each_isa([] {
    problem p(70, 5);
    std::fill(p.x.begin(), p.x.end(), 0.0F);
    CHECK(p.found(true) == p.b);
    for (const float wrong :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
      for (const index_t at : {0, 31, 32, 69}) {
        problem spoiled(70, 5);
        spoiled.x[static_cast<std::size_t>(at)] = wrong;
        for (const float y : spoiled.found(false)) CHECK_FALSE(std::isfinite(y));
      }
  });
}
