#include "spankey/attack/answer_table.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "error_probe.hpp"
#include "spankey/attack/gain.hpp"

using namespace spankey;

TEST_CASE("answer table: of every row the best attack, and tables that do not fit are refused") {
  const auto m = hit_bit(figure::masked), both = static_cast<std::uint8_t>(m | hit_bit(figure::semantic));
  const answer_table a{2, {m, 0, 0, 0}}, b{2, {0, 0, both, m}};
  const answer_table* const attacks[] = {&a, &b};
  const answer_table best = best_by_row(attacks, figure::masked);
  CHECK(best.shares(figure::masked) == std::vector<double>{0.5, 1.0});
  CHECK(best.shares(figure::semantic) == std::vector<double>{0.0, 0.5});
  const answer_table other{1, {m}};
  const answer_table* const unlike[] = {&a, &other};
  CHECK(spankey_test::id_of([&] { (void)best_by_row(unlike, figure::masked); }) == "attack.123");
  const utility u = utility_of(b, figure::masked);
  CHECK(u.rows == std::vector<double>{0.0, 1.0});
  CHECK(u.columns == std::vector<double>{0.5, 0.5});
  CHECK(u.mean() == 0.5);
  CHECK(u.least() == 0);
  CHECK(u.most() == 1);
}
