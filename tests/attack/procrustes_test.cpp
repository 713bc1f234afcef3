#include "spankey/attack/procrustes.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "error_probe.hpp"
#include "spankey/core/random.hpp"
#include "spankey/lock/session_rotation.hpp"

using namespace spankey;

// Relative distance of what is found from a session's rotation, from so many pairs.
static double error_from(index_t pairs) {
  constexpr index_t d = 24;
  key_stream numbers(derive(master_key(), {"kotg", "0"}));
  const session_rotation q(d, 8, numbers);
  const random_source source(1, stream::evaluation);
  std::vector<float> h(static_cast<std::size_t>(pairs * d)), to(h.size());
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = static_cast<float>(source.gaussian(i));
  for (index_t p = 0; p < pairs; ++p) q.apply(h.data() + p * d, to.data() + p * d);
  const std::vector<double> found = procrustes(h, to, d);
  double squares = 0;
  std::vector<double> unit(d), row(d);
  for (std::size_t i = 0; i < d; ++i) {
    std::fill(unit.begin(), unit.end(), 0.0);
    unit[i] = 1;
    q.apply(unit.data(), row.data());
    for (std::size_t j = 0; j < d; ++j) squares += std::pow(found[i * d + j] - row[j], 2);
  }
  return std::sqrt(squares / d);
}

TEST_CASE("a rotation is known from as many pairs as it has channels, and not from half of them") {
  CHECK(error_from(24) < 1e-3);
  CHECK(error_from(40) < 1e-3);
  CHECK(error_from(12) > 0.3);
  spankey_test::check_refused([] { (void)procrustes(std::vector<float>(6), std::vector<float>(8), 2); },
                              "attack.120");
  spankey_test::check_refused([] { (void)procrustes(std::vector<float>(6), std::vector<float>(6), 4); },
                              "attack.120");
}
