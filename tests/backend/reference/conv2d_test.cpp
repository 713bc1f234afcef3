// Convolution, reference: groups and even windows by hand; gradients against differences of the forward pass, for windows,
// strides, padding and groups.
#include "spankey/backend/reference/conv2d.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "spankey/core/random.hpp"

namespace {

using kernels = spankey::conv2d_kernels<spankey::backend::reference, double>;
using spankey::conv2d_problem;
using spankey::index_t;

std::vector<double> gaussian(index_t count, std::uint64_t seed) {
  const spankey::random_source random(seed, spankey::stream::weights);
  std::vector<double> v(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = random.gaussian(i);
  return v;
}

// sum of dy y as a function of x, w and b: linear in each, so that a difference quotient is exact up to rounding.
struct objective {
  conv2d_problem p;
  std::vector<double> x, w, b, dy;

  explicit objective(const conv2d_problem& problem)
      : p(problem),
        x(gaussian(p.samples * p.in.size(), 1)),
        w(gaussian(p.weight_size(), 2)),
        b(gaussian(p.out.channels, 3)),
        dy(gaussian(p.samples * p.out.size(), 4)) {}
  [[nodiscard]] double value() const {
    std::vector<double> y(dy.size(), 9);
    kernels::forward(p, x.data(), w.data(), b.data(), y.data(), nullptr);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += dy[i] * y[i];
    return sum;
  }
  // Largest distance of `gradient` from the slopes of value() along `of`, which must not all be 0.
  double error(std::vector<double>& of, const std::vector<double>& gradient) {
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < of.size(); ++i) {
      const double before = of[i];
      of[i] = before + 1;
      const double above = value();
      of[i] = before - 1;
      const double slope = (above - value()) / 2;
      of[i] = before;
      worst = std::max(worst, std::abs(slope - gradient[i]));
      largest = std::max(largest, std::abs(slope));
    }
    CHECK(largest > 0.1);
    return worst;
  }
};

}  // namespace

TEST_CASE(
    "reference convolution: an even window reaches beyond the right end, groups see their own channels") {
  // One row of three pixels, two channels, each its own group; window 2 in columns is 2 x 2 here, whose second row is
  // below the image.
  const std::vector<double> x{1, 10, 2, 20, 3, 30};
  const std::vector<double> w{1, 5, 2, 7, 100, 100, 100, 100};  // (kh, kw, 1, o)
  std::vector<double> y(6);
  const conv2d_problem p{1, {2, 1, 3}, {2, 1, 3}, 2, 1, 0, 2};
  kernels::forward(p, x.data(), w.data(), nullptr, y.data(), nullptr);
  CHECK(y == std::vector<double>{1 + 2 * 2, 5 * 10 + 7 * 20, 2 + 2 * 3, 5 * 20 + 7 * 30, 3, 5 * 30});
}

TEST_CASE("reference convolution: gradients are those of the forward pass, twice") {
  for (const conv2d_problem& p : {conv2d_problem{2, {3, 5, 4}, {4, 5, 4}, 3, 1, 1},
                                  {1, {4, 6, 5}, {6, 3, 3}, 2, 2, 0, 2},
                                  {2, {3, 4, 4}, {3, 4, 4}, 4, 1, 1, 3},
                                  {1, {2, 9, 8}, {4, 2, 2}, 7, 4, 3, 2},
                                  {1, {6, 3, 3}, {3, 2, 2}, 1, 2, 0, 3}}) {
    CAPTURE(p.kernel);
    CAPTURE(p.groups);
    objective f(p);
    std::vector<double> dx(f.x.size(), 9), dw(f.w.size()), db(f.b.size());
    kernels::backward_data(p, f.dy.data(), f.w.data(), dx.data(), false, nullptr);
    CHECK(f.error(f.x, dx) < 1e-10);
    kernels::backward_data(p, f.dy.data(), f.w.data(), dx.data(), true, nullptr);
    for (double& v : dx) v /= 2;
    CHECK(f.error(f.x, dx) < 1e-10);
    for (int run = 0; run < 2; ++run)
      kernels::backward_weights(p, f.x.data(), f.dy.data(), dw.data(), db.data(), nullptr);
    for (double& v : dw) v /= 2;
    for (double& v : db) v /= 2;
    CHECK(f.error(f.w, dw) < 1e-10);
    CHECK(f.error(f.b, db) < 1e-10);
  }
}
