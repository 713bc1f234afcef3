#include "spankey/train/step.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../testing/model_probe.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/margin_top.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/reject_head.hpp"
#include "spankey/model/mlp.hpp"

using namespace spankey;

namespace {
constexpr index_t classes = 4;

// A user's own deny loss, over both groups: mean (z_denied[y] - 0.5 z_valid[y])^2.
struct squared_gap {
  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t semantic) { return semantic; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    double total = 0;
    const double each = scale / static_cast<double>(t.denied.samples());
    for (index_t n = 0; n < t.denied.samples(); ++n) {
      const index_t y = t.labels[n];
      const double gap = static_cast<double>(t.denied(n, y)) - 0.5 * static_cast<double>(t.valid(n, y));
      total += gap * gap;
      t.denied_gradient(n, y) += static_cast<T>(2 * each * gap);
      t.valid_gradient(n, y) -= static_cast<T>(each * gap);
    }
    return total / static_cast<double>(t.denied.samples());
  }
};

// -log softmax(z)[c] of a row of `count` logits.
double surprise(const double* z, index_t count, index_t c) {
  double sum = 0;
  for (index_t k = 0; k < count; ++k) sum += std::exp(z[k]);
  return std::log(sum) - z[c];
}

// What every sample of a denied group costs, by the formulas of the losses; `denied` counts the denied groups.
double term(const squared_gap&, const double* valid, const double* z, index_t y, index_t) {
  return std::pow(z[y] - 0.5 * valid[y], 2);
}
double term(const reject_class&, const double*, const double* z, index_t, index_t) {
  return surprise(z, classes + 1, classes);
}
double term(const margin_top&, const double* valid, const double* z, index_t y, index_t) {
  double top = -1e300;
  for (index_t c = 0; c < classes; ++c)
    if (c != y) top = std::max(top, z[c]);
  return std::max(0.0, 1 - valid[y] + z[y]) + std::max(0.0, 0.5 + z[y] - top);
}
// The mean over all groups, of which the valid one is counted with every denied group.
double term(const reject_head&, const double* valid, const double* z, index_t, index_t denied) {
  const double refused = std::log(1 + std::exp(-z[classes])), let_in = std::log(1 + std::exp(valid[classes]));
  return static_cast<double>(denied) / static_cast<double>(denied + 1) *
         (refused + let_in / static_cast<double>(denied));
}
double term(const no_deny&, const double*, const double*, index_t, index_t) { return 0; }

// One stacked batch of 3 samples a group under an objective.
template <class Deny>
struct training_batch {
  static constexpr head_outputs outputs = Deny::outputs(classes);
  using model_type = mlp<outputs, gate<multiplicative, at<0, 1, 2>>, backend::reference, double>;
  static constexpr index_t samples_of_group = 3;

  objective<Deny> goal;
  test::model_probe<model_type> probe;
  std::vector<int> labels = {2, 0, 3};

  training_batch(deny_on on, double weight)
      : goal{.classes = classes, .weight = weight, .on = on},
        probe(group_count(Deny::denies, on), samples_of_group, 0.9F) {}

  auto step() {
    model_keys<double, 3> keys;
    for (std::size_t s = 0; s < 3; ++s)
      for (std::size_t g = 0; g < 2; ++g) {
        if (probe.keys[s][g].empty()) continue;
        keys[s].group[g] = {probe.keys[s][g], model_type::sites[s].size()};
        keys[s].gradient[g] = probe.key_gradients[s][g];
      }
    return compute_gradients(probe.model, goal,
                             batch_view<const double, shape<20>>{probe.x.data(), probe.samples()},
                             labels.data(), keys);
  }
  // The loss once more, from the logits, by the formula of the header.
  double expected_total(const batch_view<const double, any_shape>& z, double& deny) {
    double cross = 0;
    for (index_t n = 0; n < 3; ++n)
      cross += surprise(z.sample(n), outputs.softmax, labels[static_cast<std::size_t>(n)]) / 3;
    deny = 0;
    const index_t denied = goal.groups() - 1;
    for (index_t n = 3; n < 3 * (denied + 1); ++n)
      deny += term(goal.deny, z.sample(n % 3), z.sample(n), labels[static_cast<std::size_t>(n % 3)], denied) /
              static_cast<double>(3 * denied);
    return cross + goal.weight * deny;
  }
};

template <class Deny>
void check(deny_on on) {
  training_batch<Deny> batch(on, 0.7);
  // Whatever the gradients held before is overwritten.
  batch.probe.model.for_each_parameter([](const scope&, parameter<double>& w) {
    std::fill_n(w.gradient.data, w.dims.size(), std::numeric_limits<double>::quiet_NaN());
  });
  const auto result = batch.step();
  double deny = 0;
  const double total = batch.expected_total(result.logits, deny);
  CHECK(result.total == doctest::Approx(total).epsilon(1e-12));
  CHECK(result.deny == doctest::Approx(deny).epsilon(1e-12));
  CHECK(result.total == doctest::Approx(result.cross_entropy + 0.7 * result.deny));
  CHECK(result.logits.samples() == 3 * batch.goal.groups());

  const auto loss = [&] { return batch.step().total; };
  std::vector<std::string> names = {"fc1.weight", "fc1.bias",   "fc2.weight",
                                    "fc2.bias",   "fc3.weight", "fc3.bias"};
  if (batch.outputs.aux == aux_logit::reject) names.insert(names.end(), {"fc_aux.weight", "fc_aux.bias"});
  for (const std::string& name : names) {
    batch.step();  // the last one was computed beside the point
    const auto gradient = batch.probe.gradient(name);
    const std::vector<double> analytic(gradient.begin(), gradient.end());
    const auto checked = check_gradient(batch.probe.value(name), analytic, loss, 48, 1e-6);
    INFO(name, ": relative error ", checked.error, ", numeric norm ", checked.numeric_norm);
    CHECK(checked.numeric_norm > 1e-3);
    CHECK(checked.error < 1e-6);
  }
  for (std::size_t s = 0; s < 3; ++s)
    for (std::size_t g = 0; g < 2; ++g) {
      if (batch.probe.keys[s][g].empty()) continue;
      batch.step();
      const std::vector<double> analytic = batch.probe.key_gradients[s][g];
      const auto checked = check_gradient(batch.probe.keys[s][g], analytic, loss, 48, 1e-6);
      INFO("key of site ", s, ", group ", g, ": relative error ", checked.error);
      CHECK(checked.numeric_norm > 1e-4);
      CHECK(checked.error < 1e-6);
    }
}
}  // namespace

TEST_CASE("compute_gradients: loss by its formula, gradients of every parameter and key") {
  SUBCASE("no deny loss") { check<no_deny>(deny_on::wrong); }
  SUBCASE("reject class, invalid keys") { check<reject_class>(deny_on::wrong); }
  SUBCASE("reject class, invalid keys and no key") { check<reject_class>(deny_on::wrong_and_none); }
  SUBCASE("a user's loss over both groups, invalid keys") { check<squared_gap>(deny_on::wrong); }
  SUBCASE("margins, invalid keys and no key") { check<margin_top>(deny_on::wrong_and_none); }
  SUBCASE("reject logit, invalid keys") { check<reject_head>(deny_on::wrong); }
  SUBCASE("reject logit, invalid keys and no key") { check<reject_head>(deny_on::wrong_and_none); }
  SUBCASE("a user's loss over both groups, invalid keys and no key") {
    check<squared_gap>(deny_on::wrong_and_none);
  }
}

TEST_CASE("compute_gradients: correct counts the valid group only, ties for the first class") {
  training_batch<reject_class> batch(deny_on::wrong, 0.1);
  const auto z = batch.step().logits;
  std::vector<std::size_t> right;  // the others are refused, which is no label
  for (std::size_t n = 0; n < 3; ++n) {
    const double* row = z.sample(static_cast<index_t>(n));
    const auto answer = std::max_element(row, row + 5) - row;
    batch.labels[n] = static_cast<int>(answer % 4);
    if (answer < 4) right.push_back(n);
  }
  REQUIRE(!right.empty());
  CHECK(batch.step().correct == static_cast<index_t>(right.size()));
  batch.labels[right.front()] = (batch.labels[right.front()] + 1) % 4;
  CHECK(batch.step().correct == static_cast<index_t>(right.size()) - 1);
}

TEST_CASE("compute_gradients: a reject logit beside the classes is no answer") {
  training_batch<reject_head> batch(deny_on::wrong, 0.1);
  batch.probe.value("fc_aux.bias")[0] = 1e3;  // would win every arg-max of all logits
  const auto z = batch.step().logits;
  for (std::size_t n = 0; n < 3; ++n) {
    const double* row = z.sample(static_cast<index_t>(n));
    CHECK(row[classes] > 900);
    batch.labels[n] = static_cast<int>(std::max_element(row, row + classes) - row);
  }
  CHECK(batch.step().correct == 3);
}

TEST_CASE("compute_gradients: with weight 0 the denied groups leave no gradient") {
  training_batch<reject_class> batch(deny_on::wrong, 0.0);
  const auto result = batch.step();
  CHECK(result.deny > 0);
  CHECK(result.total == result.cross_entropy);
  for (const auto& site : batch.probe.key_gradients) {
    CHECK(std::any_of(site[0].begin(), site[0].end(), [](double g) { return g != 0; }));
    CHECK(std::all_of(site[1].begin(), site[1].end(), [](double g) { return g == 0; }));
  }
}

TEST_CASE("warmed_up: lambda grows linearly over the warm-up, then stays") {
  CHECK(warmed_up(0.1, 0, 0) == 0.1);
  CHECK(warmed_up(0.1, 9, 0) == 0.1);
  CHECK(warmed_up(0.4, 0, 4) == doctest::Approx(0.1));
  CHECK(warmed_up(0.4, 2, 4) == doctest::Approx(0.3));
  CHECK(warmed_up(0.4, 3, 4) == 0.4);
  CHECK(warmed_up(0.4, 100, 4) == 0.4);
}

TEST_CASE("objective: groups of the stacked batch") {
  CHECK(objective<no_deny>{}.groups() == 1);
  CHECK(objective<reject_class>{}.groups() == 2);
  CHECK(objective<reject_class>{.on = deny_on::wrong_and_none}.groups() == 3);
}

TEST_CASE("group_of: equal parts, in order") {
  std::vector<int> data(24);
  const batch_view<int, shape<2, 2>> stacked{data.data(), 6};
  for (index_t g = 0; g < 3; ++g) {
    CHECK(group_of(stacked, g, 3).data() == data.data() + g * 8);
    CHECK(group_of(stacked, g, 3).samples() == 2);
  }
}

TEST_CASE("compute_gradients: logits that are no numbers are no right answers") {
  training_batch<reject_class> batch(deny_on::wrong, 0.1);
  batch.labels = {0, 0, 0};
  batch.probe.x[0] = std::numeric_limits<double>::quiet_NaN();
  const auto usual = batch.step();
  CHECK_FALSE(is_finite(usual.logits(0, 0)));
  index_t right = 0;
  for (index_t n = 1; n < 3; ++n) right += arg_max(usual.logits.sample(n), classes + 1) == 0 ? 1 : 0;
  CHECK(usual.correct == right);
}
