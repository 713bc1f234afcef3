// Expected values: mpmath, 40 digits.
#include "spankey/lock/beta_tail.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "error_probe.hpp"

using namespace spankey;

TEST_CASE("bits of a Beta law's lower tail") {
  struct expected {
    double share;
    index_t q, d;
    double bits;
  };
  for (const auto& [share, q, d, bits] :
       {expected{0.5, 32, 64, 1.0}, expected{0.01, 8, 784, 0.863374153007108},
        expected{0.03, 32, 784, 2.90682166696874}, expected{0.001, 32, 784, 66.8841434153036},
        expected{1e-6, 32, 12480, 161.477873361735}, expected{0.9, 16, 24, 0.0269909231703829},
        expected{0.25, 1, 3, 1.0}}) {
    CAPTURE(share);
    CAPTURE(d);
    CHECK(accepting_bits(share, q, d) == doctest::Approx(bits).epsilon(1e-9));
  }
  CHECK(accepting_bits(1e-300, 64, 1000) > 10000);  // far below the smallest double
}

TEST_CASE("what is no tail is refused") {
  for (const double x : {0.0, 1.0, -1.0, std::nan("")})
    spankey_test::check_refused([&] { (void)log_beta_tail(x, 1, 1); }, "lock.111");
  spankey_test::check_refused([] { (void)accepting_bits(0.5, 4, 4); }, "lock.111");
}
