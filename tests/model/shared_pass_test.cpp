// A shared pass computes what the groups have in common once: logits, statistics and gradients are those of the stacked
// pass, wherever the first site with keys lies.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/optim/optimizer.hpp"

using namespace spankey;

namespace {

std::vector<double> numbers(index_t count, std::uint64_t seed) {
  const random_source random(seed, stream::evaluation);
  std::vector<double> v(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = random.gaussian(i);
  return v;
}

// Three groups of two samples: a key per sample, one key for all, none.
template <class Model>
struct run {
  static constexpr index_t groups = 3, samples = 2;
  Model model;
  arena memory{model, groups* samples};
  std::vector<double> logits, gradients, states, key_gradient;

  explicit run(bool shared, int first_site, batch_statistics statistics) {
    set_injector(model, multiplicative{.gamma = 1});
    initialise(model, 1);
    std::vector<double> x;
    const std::vector<double> once = numbers(samples * Model::input::size, 2);
    for (index_t g = 0; g < (shared ? 1 : groups); ++g) x.insert(x.end(), once.begin(), once.end());
    const auto site = static_cast<std::size_t>(first_site);
    const index_t d = Model::sites[site].size();
    const std::vector<double> valid = numbers(samples * d, 3), invalid = numbers(d, 4);
    key_gradient.resize(valid.size());
    model_keys<double, Model::sites.size()> keys{};
    keys[site].group[0] = {valid, d};
    keys[site].group[1] = {invalid, 0};
    keys[site].gradient[0] = key_gradient;
    CHECK(model.shares_pass(keys, groups));

    const pass p{.groups = groups, .training = true, .shared = shared, .statistics = statistics};
    const batch_view<const double, typename Model::input> view(x.data(), shared ? samples : groups * samples);
    const auto z = model.forward(p, view, keys);
    logits.assign(z.data(), z.data() + z.size());
    zero_gradients(model);
    const std::vector<double> dz = numbers(z.size(), 5);
    std::copy(dz.begin(), dz.end(), model.logit_gradient(groups * samples).data());
    model.backward({.groups = groups, .training = true, .statistics = statistics}, groups * samples);
    model.for_each_parameter([&](const scope&, parameter<double>& w) {
      gradients.insert(gradients.end(), w.gradient.data, w.gradient.data + w.dims.size());
    });
    model.for_each_state([&](const scope&, state<double>& s) {
      states.insert(states.end(), s.value.data, s.value.data + s.count);
    });
  }
};

double difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]) / (1 + std::abs(b[i])));
  return worst;
}

template <class Model>
void check(int first_site, batch_statistics statistics = batch_statistics::per_group) {
  CAPTURE(first_site);
  const run<Model> shared(true, first_site, statistics), stacked(false, first_site, statistics);
  if (statistics == batch_statistics::per_group) {
    CHECK(shared.logits == stacked.logits);
    CHECK(shared.states == stacked.states);
  }
  CHECK(difference(shared.logits, stacked.logits) < 1e-12);
  CHECK(difference(shared.states, stacked.states) < 1e-12);
  CHECK(difference(shared.gradients, stacked.gradients) < 1e-12);
  CHECK(difference(shared.key_gradient, stacked.key_gradient) < 1e-12);
}

template <template <head_outputs, class, class, class> class Model, class Sites>
using network = Model<5, gate<multiplicative, Sites>, backend::reference, double>;

}  // namespace

TEST_CASE("shared pass: the groups part at the first site with keys, and nothing else changes") {
  for (const int site : {0, 1, 2}) check<network<small_cnn, at<0, 1, 2>>>(site);
}

TEST_CASE("shared pass: a head with a reject logit beside the classes") {
  check<small_cnn<head_outputs(5, aux_logit::reject), gate<multiplicative, at<0, 1, 2>>, backend::reference,
                  double>>(1);
}

TEST_CASE("shared pass: batch statistics are computed once and counted for every group") {
  check<network<small_resnet, at<2, 3>>>(2);
}

TEST_CASE("shared pass: joint batch statistics count every sample once for every group") {
  for (const int site : {1, 2, 3}) check<network<small_resnet, at<1, 2, 3>>>(site, batch_statistics::joint);
}

TEST_CASE("shared pass: a site that is off, or absent, or without keys does not split the groups") {
  network<small_cnn, at<0, 2>> model;
  const std::vector<double> key = numbers(1 * 28 * 28, 1);
  model_keys<double, 3> keys{};
  CHECK_FALSE(model.shares_pass(keys, 3));
  keys[1].group[0] = {key, 0};  // the type has no site 1
  CHECK_FALSE(model.shares_pass(keys, 3));
  keys[0].group[1] = {key, 0};
  CHECK_FALSE(model.shares_pass(keys, 1));
  CHECK(model.shares_pass(keys, 2));
  model.site(0).enabled = false;
  CHECK_FALSE(model.shares_pass(keys, 2));
}
