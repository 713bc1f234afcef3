// Costs 3 s to compile.
#include "spankey/key/energy_outside.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace spankey;

namespace {
float share_of(const outside_rows& rows, const std::vector<float>& key) {
  return rows.share([&](index_t j) { return key[static_cast<std::size_t>(j)]; });
}
}  // namespace

TEST_CASE("energy outside: what lies along the rows, of all of it, and 1 for what is no key") {
  const std::vector<float> n = {0.6F, 0.8F, 0, 0, 0, 0, 1, 0};  // two rows of four numbers
  const outside_rows rows{n.data(), 2, 4, 0.25};
  CHECK(share_of(rows, {0.8F, -0.6F, 0, 5}) < 1e-12);
  CHECK(share_of(rows, {0.6F, 0.8F, 0, 0}) == doctest::Approx(1));
  CHECK(share_of(rows, {0, 0, 3, 4}) == doctest::Approx(9.0F / 25));
  CHECK(share_of(rows, {0, 0, 3e18F, 4e18F}) == doctest::Approx(9.0F / 25));  // its size does not count
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  for (const std::vector<float>& bad : {std::vector<float>{0, 0, 0, 0},
                                        {nan, 0, 0, 1},
                                        {0, 0, 0, nan},
                                        {infinity, 0, 0, 1},
                                        {0, 0, 0, infinity}}) {
    CHECK(share_of(rows, bad) == 1);
    CHECK_FALSE(rows.lets_in([&](index_t j) { return bad[static_cast<std::size_t>(j)]; }));
  }
  // The limit itself is let in.
  const std::vector<float> at_limit = {0, 0, 1, std::sqrt(3.0F)}, beyond = {0, 0, 1, 1.7F};
  CHECK(rows.lets_in([&](index_t j) { return beyond[static_cast<std::size_t>(j)]; }) == false);
  CHECK(outside_rows{n.data(), 2, 4, 0.2500001F}.lets_in(
      [&](index_t j) { return at_limit[static_cast<std::size_t>(j)]; }));
}

TEST_CASE("energy outside: long keys of a span lose nothing in float") {
  // Two rows that are orthogonal to a key of large numbers of one sign, whose products cancel: 65,536 terms.
  const index_t d = 65536;
  std::vector<float> rows(static_cast<std::size_t>(2 * d)), key(static_cast<std::size_t>(d));
  double whole = 0;
  for (index_t j = 0; j < d; ++j) {
    const auto at = static_cast<std::size_t>(j);
    key[at] = 1000.0F + static_cast<float>(j / 2 % 97);
    whole += static_cast<double>(key[at]) * static_cast<double>(key[at]);
    rows[at] = (j % 2 == 0 ? 1.0F : -1.0F) / 256;  // neighbours have one number
    rows[at + static_cast<std::size_t>(d)] = (j / 2 % 2 == 0 ? 1.0F : -1.0F) / 256;  // nearly
  }
  double product = 0;
  for (index_t j = 0; j < d; ++j)
    product += static_cast<double>(rows[static_cast<std::size_t>(d + j)]) *
               static_cast<double>(key[static_cast<std::size_t>(j)]);
  const double expected = product * product / whole;
  CHECK(share_of({rows.data(), 1, d, 0}, key) < 1e-12F);
  CHECK(static_cast<double>(share_of({rows.data(), 2, d, 0}, key)) ==
        doctest::Approx(expected).epsilon(1e-4));
}
