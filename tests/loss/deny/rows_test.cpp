// The formulas of single samples: summed as for_each_part says they are the functor of every mode, value and gradients.
#include "spankey/loss/deny/rows.hpp"

#include <doctest/doctest.h>

#include "deny_probe.hpp"
#include "spankey/loss/deny/blend.hpp"
#include "spankey/loss/deny/entropy.hpp"
#include "spankey/loss/deny/margin_top.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/reject_head.hpp"
#include "spankey/loss/deny/runtime.hpp"
#include "spankey/loss/deny/sealed.hpp"

namespace {

using namespace spankey;

template <class Loss>
void check_parts(const Loss& loss, int expected_parts) {
  constexpr index_t classes = 4, n = 7;
  constexpr double scale = 0.3;
  auto whole = test::denied_batch<double, classes + 1>::random(classes, n, 2), by_rows = whole;
  whole.denied_groups = by_rows.denied_groups = 2;
  const double value = whole(loss, scale);
  double sum = 0;
  int parts = 0;
  loss.for_each_part([&](const deny_part& part) {
    ++parts;
    for (index_t i = 0; i < n; ++i) {
      const auto at = [&](std::vector<double>& rows) { return rows.data() + i * (classes + 1); };
      const deny_row<double> row{at(by_rows.valid),
                                 at(by_rows.denied),
                                 at(by_rows.valid_gradient),
                                 at(by_rows.denied_gradient),
                                 by_rows.labels[static_cast<std::size_t>(i)],
                                 classes,
                                 2};
      sum += part.weight * deny_part_row(part, row, part.weight * scale / n) / n;
    }
  });
  CHECK(parts == expected_parts);
  CHECK(sum == doctest::Approx(value).epsilon(1e-12));
  for (std::size_t i = 0; i < whole.valid_gradient.size(); ++i) {
    CHECK(by_rows.valid_gradient[i] == doctest::Approx(whole.valid_gradient[i]).epsilon(1e-12));
    CHECK(by_rows.denied_gradient[i] == doctest::Approx(whole.denied_gradient[i]).epsilon(1e-12));
  }
}

}  // namespace

TEST_CASE("rows: every mode is the sum of its parts") {
  check_parts(no_deny{}, 0);
  check_parts(entropy{}, 1);
  check_parts(entropy_floor{.gap = 0.1}, 1);
  check_parts(margin{.margin1 = 1.5}, 1);
  check_parts(margin_top{.margin1 = 1.5, .margin2 = 0.7}, 2);
  check_parts(reject_class{}, 1);
  check_parts(reject_head{}, 1);
  check_parts(sealed{.weight = 3}, 2);
  check_parts(entropy_and_margin{}, 2);
  check_parts(blend<sealed, entropy>{.parts = {sealed{.weight = 2}, entropy{}}, .weights = {0.7, 0.2}}, 3);
  check_parts(runtime_deny<entropy, margin_top>{margin_top{}}, 2);
}
TEST_CASE("rows: with one class there is no other to lose to") {
  double z = 1, gradient = 0;
  CHECK(margin_top_row<double>({&z, &z, &gradient, &gradient, 0, 1}, 0.5, 1) == 0);
  CHECK(gradient == 0);
}
