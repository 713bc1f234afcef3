// Linear map, reference: a 2 x 3 -> 2 product by hand; what accumulates.
#include "spankey/backend/reference/linear.hpp"

#include <doctest/doctest.h>

#include <vector>

using kernels = spankey::linear_kernels<spankey::backend::reference, double>;

TEST_CASE("reference linear: weights are (in, out); gradients of weights add up") {
  const spankey::linear_problem p{2, 3, 2};
  const std::vector<double> x{1, 2, 3, 4, 5, 6}, w{1, 10, 2, 20, 3, 30}, b{100, 200}, dy{1, 2, 3, 4};
  std::vector<double> y(4), dx(6), dw(6, 1), db(2, 1);
  kernels::forward(p, x.data(), w.data(), b.data(), y.data(), nullptr);
  CHECK(y == std::vector<double>{114, 340, 132, 520});
  kernels::forward(p, x.data(), w.data(), nullptr, y.data(), nullptr);
  CHECK(y == std::vector<double>{14, 140, 32, 320});
  kernels::backward_data(p, dy.data(), w.data(), dx.data(), nullptr);
  CHECK(dx == std::vector<double>{21, 42, 63, 43, 86, 129});
  kernels::backward_weights(p, x.data(), dy.data(), dw.data(), db.data(), nullptr);
  CHECK(dw == std::vector<double>{14, 19, 18, 25, 22, 31});
  CHECK(db == std::vector<double>{5, 7});
  kernels::backward_weights(p, x.data(), dy.data(), dw.data(), nullptr, nullptr);
  CHECK(dw == std::vector<double>{27, 37, 35, 49, 43, 61});
  CHECK(db == std::vector<double>{5, 7});
}
