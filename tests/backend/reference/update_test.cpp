// SGD and Adam, reference: two steps of every rule against numbers computed by hand from PyTorch's recipes.
#include "spankey/backend/reference/update.hpp"

#include <doctest/doctest.h>

using kernels = spankey::update_kernels<spankey::backend::reference, double>;

namespace {
// w = 1, gradients 2 then 3, learning rate 0.1; returns w after both steps.
double after_two_steps(spankey::sgd_update rule, double* momentum) {
  double w = 1, g = 2;
  rule.first_step = true;
  kernels::sgd(rule, 1, &g, momentum, &w);
  g = 3;
  rule.first_step = false;
  kernels::sgd(rule, 1, &g, momentum, &w);
  return w;
}
}  // namespace

TEST_CASE("reference sgd: plain") {
  double v = 99;
  CHECK(after_two_steps({0.1, 0, 0, false, true}, &v) == doctest::Approx(1 - 0.2 - 0.3));
  CHECK(v == 99);  // not touched without momentum
}

TEST_CASE("reference sgd: weight decay adds to the gradient") {
  double v = 0;
  // w1 = 1 - 0.1 (2 + 0.5) = 0.75; w2 = 0.75 - 0.1 (3 + 0.375)
  CHECK(after_two_steps({0.1, 0, 0.5, false, true}, &v) == doctest::Approx(0.4125));
}

TEST_CASE("reference sgd: momentum starts as the gradient, whatever the buffer holds") {
  double v = 99;
  // v1 = 2, w1 = 0.8; v2 = 0.9 * 2 + 3 = 4.8, w2 = 0.8 - 0.48
  CHECK(after_two_steps({0.1, 0.9, 0, false, true}, &v) == doctest::Approx(0.32));
  CHECK(v == doctest::Approx(4.8));
}

TEST_CASE("reference sgd: Nesterov looks one step ahead") {
  double v = 99;
  // v1 = 2, step 2 + 1.8 = 3.8, w1 = 0.62; v2 = 4.8, step 3 + 4.32 = 7.32, w2 = 0.62 - 0.732
  CHECK(after_two_steps({0.1, 0.9, 0, true, true}, &v) == doctest::Approx(-0.112));
}

TEST_CASE("reference adam: a step of the size of the learning rate, then the running means") {
  // w = 1; gradients 2 then -1, betas 0.5 and 0.75, learning rate 0.1, no epsilon; the buffers start as rubbish.
  double w = 1, m = 99, v = 99, g = 2;
  spankey::adam_update rule{.learning_rate = 0.1, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 0};
  kernels::adam(rule, 1, &g, &m, &v, &w);
  CHECK(m == doctest::Approx(1));
  CHECK(v == doctest::Approx(1));
  CHECK(w == doctest::Approx(0.9));  // g / |g|
  g = -1;
  rule.step = 2;
  kernels::adam(rule, 1, &g, &m, &v, &w);
  CHECK(m == doctest::Approx(0));  // 1/2 - 1/2
  CHECK(v == doctest::Approx(1));  // 3/4 + 1/4
  CHECK(w == doctest::Approx(0.9));
}

TEST_CASE("reference adam: epsilon stands beside the corrected root") {
  double w = 0, m = 0, v = 0;
  const double g = 3;
  kernels::adam({.learning_rate = 1, .epsilon = 3}, 1, &g, &m, &v, &w);
  CHECK(w == doctest::Approx(-0.5));  // 3 / (3 + 3)
}

TEST_CASE("reference adam: decay joins the gradient, or shrinks the weight where it is decoupled") {
  const double g = 2;
  double w = 4, m = 0, v = 0;
  kernels::adam({.learning_rate = 0.1, .weight_decay = 0.5}, 1, &g, &m, &v, &w);
  CHECK(m == doctest::Approx(0.1 * 4));
  CHECK(w == doctest::Approx(3.9));
  w = 4;
  kernels::adam({.learning_rate = 0.1, .weight_decay = 0.5, .decoupled = true}, 1, &g, &m, &v, &w);
  CHECK(m == doctest::Approx(0.1 * 2));
  CHECK(w == doctest::Approx(4 * 0.95 - 0.1));
}

TEST_CASE("reference squared_norm") {
  const double x[3] = {1, -2, 3};
  CHECK(kernels::squared_norm(3, x) == 14);
  CHECK(kernels::squared_norm(0, x) == 0);
}
