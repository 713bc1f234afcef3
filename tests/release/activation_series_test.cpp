// Costs 1 s to compile and nothing to run.
#include "spankey/release/activation_series.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "error_probe.hpp"
#include "golden/activation_derivatives.hpp"
#include "spankey/backend/reference/activation.hpp"

using namespace spankey;
using spankey_test::check_refused;

TEST_CASE("derivatives agree with series of 120 digits") {
  for (const auto& golden : spankey_test::derivatives_goldens) {
    const derivatives found = derivatives_at(golden.act, golden.x);
    for (std::size_t n = 0; n < found.size(); ++n) {
      CAPTURE(static_cast<int>(golden.act));
      CAPTURE(golden.x);
      CAPTURE(n);
      // A derivative that passes through 0 near the point is as exact as its neighbours allow.
      double scale = std::abs(golden.f[n]);
      for (const std::size_t near : {n > 0 ? n - 1 : n, std::min(n + 1, found.size() - 1)})
        scale = std::max(scale, std::abs(golden.f[near]) * 0.1);
      CHECK(std::abs(found[n] - golden.f[n]) <= 2e-12 * scale);
    }
  }
}

TEST_CASE("order 0 is the library's own activation") {
  for (const auto& named : smooth_activation_names)
    for (const double x : {-4.0, -0.3, 0.0, 0.7, 5.0}) {
      CAPTURE(named.name);
      CHECK(derivatives_at(named.value, x)[0] ==
            doctest::Approx(activation_kernels<backend::reference, double>::value(named.value, x))
                .epsilon(1e-12));
    }
}

TEST_CASE("the error of a series is that of the published table") {
  // Largest over points of [-2, 2] and steps up to h.
  struct bound {
    activation act;
    int order;
    double step, error;
  };
  for (const bound& b :
       {bound{activation::silu, 8, 1.0, 5.6e-5}, bound{activation::silu, 12, 1.0, 5.5e-7},
        bound{activation::silu, 4, 1.5, 3.9e-2}, bound{activation::gelu_tanh, 8, 1.0, 3.6e-4},
        bound{activation::gelu_tanh, 12, 0.5, 4.5e-10}}) {
    double most = 0;
    for (double point = -2; point <= 2.0001; point += 0.01) {
      const derivatives f = derivatives_at(b.act, point);
      for (const double step : {-b.step, b.step})
        most =
            std::max(most, std::abs(taylor_sum(f, b.order, step) - derivatives_at(b.act, point + step)[0]));
    }
    CAPTURE(b.order);
    CHECK(most == doctest::Approx(b.error).epsilon(0.05));
  }
}

TEST_CASE("what has no series is refused") {
  check_refused([] { (void)derivatives_at(activation::relu, 1); }, "release.101", {"silu"});
}
