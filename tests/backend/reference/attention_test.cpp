// Attention, reference: two tokens by hand; a token that sees only itself; heads apart; gradients against differences.
#include "spankey/backend/reference/attention.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "spankey/core/random.hpp"

namespace {

using kernels = spankey::attention_kernels<spankey::backend::reference, double>;
using spankey::attention_problem;
using spankey::index_t;

std::vector<double> gaussian(index_t count, std::uint64_t seed) {
  const spankey::random_source random(seed, spankey::stream::weights);
  std::vector<double> v(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = random.gaussian(i);
  return v;
}

}  // namespace

TEST_CASE("reference attention: two tokens by hand") {
  // A token is q (2), k (2), v (2).
  const std::vector<double> x{1, 0, /**/ 2, 1, /**/ 10, 20, /**/ 0, 3, /**/ -1, 1, /**/ 30, 60};
  std::vector<double> y(4), lse(2);
  kernels::forward({1, 2, 1, 2}, {x.data(), y.data(), lse.data()}, nullptr);
  const double root = std::sqrt(2.0);
  const double p0 = 1 / (1 + std::exp(-3 / root));  // scores 2 and -1
  CHECK(y[0] == doctest::Approx(10 * p0 + 30 * (1 - p0)));
  CHECK(y[1] == doctest::Approx(20 * p0 + 60 * (1 - p0)));
  CHECK(y[2] == doctest::Approx(20));  // scores 3 and 3
  CHECK(y[3] == doctest::Approx(40));
  CHECK(lse[0] == doctest::Approx(std::log(std::exp(2 / root) + std::exp(-1 / root))));
  CHECK(lse[1] == doctest::Approx(3 / root + std::log(2.0)));
  kernels::forward({1, 2, 1, 2, true}, {x.data(), y.data(), lse.data()}, nullptr);
  CHECK(y[0] == doctest::Approx(10));  // the first token sees itself
  CHECK(y[1] == doctest::Approx(20));
  CHECK(y[2] == doctest::Approx(20));
}

TEST_CASE("reference attention: heads are what they are alone, samples too") {
  const attention_problem both{2, 4, 2, 3, true};
  const std::vector<double> x = gaussian(2 * 4 * 18, 1);
  std::vector<double> y(2 * 4 * 6), lse(16), alone(4 * 9), of_one(4 * 3), l(4);
  kernels::forward(both, {x.data(), y.data(), lse.data()}, nullptr);
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t head = 0; head < 2; ++head) {
      for (std::size_t t = 0; t < 4; ++t)
        for (std::size_t part = 0; part < 3; ++part)
          for (std::size_t c = 0; c < 3; ++c)
            alone[t * 9 + part * 3 + c] = x[(n * 4 + t) * 18 + part * 6 + head * 3 + c];
      kernels::forward({1, 4, 1, 3, true}, {alone.data(), of_one.data(), l.data()}, nullptr);
      for (std::size_t t = 0; t < 4; ++t) {
        CHECK(lse[(n * 2 + head) * 4 + t] == l[t]);
        for (std::size_t c = 0; c < 3; ++c) CHECK(y[(n * 4 + t) * 6 + head * 3 + c] == of_one[t * 3 + c]);
      }
    }
}

TEST_CASE("reference attention: grouped queries are as if every head had its keys and values") {
  const attention_problem grouped{2, 4, 6, 2, true, 3}, apart{2, 4, 6, 2, true};
  const std::vector<double> x = gaussian(2 * 4 * 24, 5), dy = gaussian(2 * 4 * 12, 6);
  std::vector<double> wide(2 * 4 * 36), y(dy.size()), z(dy.size()), lse(48), dx(x.size()), dwide(wide.size());
  const auto place = [](std::size_t token, std::size_t part, std::size_t head, std::size_t c) {
    return token * 24 + (part == 0 ? head * 2 : 12 + (part - 1) * 6 + head / 2 * 2) + c;
  };
  const auto each = [&](auto&& f) {
    for (std::size_t token = 0; token < 8; ++token)
      for (std::size_t part = 0; part < 3; ++part)
        for (std::size_t head = 0; head < 6; ++head)
          for (std::size_t c = 0; c < 2; ++c)
            f(place(token, part, head, c), token * 36 + part * 12 + head * 2 + c);
  };
  each([&](std::size_t from, std::size_t to) { wide[to] = x[from]; });
  kernels::forward(grouped, {x.data(), y.data(), lse.data()}, nullptr);
  kernels::forward(apart, {wide.data(), z.data(), lse.data()}, nullptr);
  CHECK(y == z);
  kernels::backward(grouped, {x.data(), y.data(), dy.data(), lse.data(), dx.data()}, nullptr);
  kernels::backward(apart, {wide.data(), z.data(), dy.data(), lse.data(), dwide.data()}, nullptr);
  std::vector<double> sums(dx.size());
  each([&](std::size_t to, std::size_t from) { sums[to] += dwide[from]; });
  for (std::size_t i = 0; i < dx.size(); ++i) CHECK(dx[i] == doctest::Approx(sums[i]).epsilon(1e-12));
}

TEST_CASE("reference attention: gradients are those of the forward pass") {
  for (const bool causal : {false, true}) {
    const attention_problem p{2, 3, 2, 2, causal};
    std::vector<double> x = gaussian(2 * 3 * 12, 2);
    const std::vector<double> dy = gaussian(2 * 3 * 4, 3);
    std::vector<double> y(dy.size()), lse(12), dx(x.size(), 9.0);
    const auto value = [&] {
      std::vector<double> out(dy.size());
      kernels::forward(p, {x.data(), out.data(), lse.data()}, nullptr);
      double sum = 0;
      for (std::size_t i = 0; i < dy.size(); ++i) sum += dy[i] * out[i];
      return sum;
    };
    kernels::forward(p, {x.data(), y.data(), lse.data()}, nullptr);
    kernels::backward(p, {x.data(), y.data(), dy.data(), lse.data(), dx.data()}, nullptr);
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double before = x[i], h = 1e-5;
      x[i] = before + h;
      const double above = value();
      x[i] = before - h;
      const double slope = (above - value()) / (2 * h);
      x[i] = before;
      CHECK(dx[i] == doctest::Approx(slope).epsilon(1e-7));
      largest = std::max(largest, std::abs(slope));
    }
    CHECK(largest > 0.1);
  }
}
