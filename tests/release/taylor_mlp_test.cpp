// Costs 2 s to compile and nothing to run.
#include "spankey/release/taylor_mlp.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "error_probe.hpp"
#include "release/drawn_mlp.hpp"

using namespace spankey;
using spankey_test::check_refused;
using spankey_test::drawn_mlp;
using spankey_test::drawn_samples;
using spankey_test::ranges_on;

namespace {

double largest_error(const mlp_weights& w, const taylor_mlp& r, const std::vector<float>& samples) {
  double most = 0;
  for (std::size_t at = 0; at < samples.size(); at += static_cast<std::size_t>(w.inputs)) {
    const std::vector<double> exact = exact_mlp(w, samples.data() + at);
    const std::vector<double> found = exact_release(r, samples.data() + at);
    for (std::size_t o = 0; o < exact.size(); ++o) most = std::max(most, std::abs(exact[o] - found[o]));
  }
  return most;
}

}  // namespace

TEST_CASE("a release computes what the network does, the better the higher its order") {
  const std::vector<float> samples = drawn_samples(60);
  for (const activation act : {activation::silu, activation::gelu, activation::gelu_tanh})
    for (const bool gated : {false, true}) {
      const mlp_weights w = drawn_mlp(act, gated);
      const neuron_ranges ranges = ranges_on(w, samples);
      double before = 1e9;
      for (const int order : {0, 2, 4, 8, 12}) {
        const taylor_mlp r = release_taylor(w, ranges, {.order = order, .share = 0.7}, 5, 0);
        CHECK(r.series() == 21);
        CHECK(r.rest.hidden == 9);
        const double error = largest_error(w, r, samples);
        CAPTURE(static_cast<int>(act));
        CAPTURE(gated);
        CAPTURE(order);
        CHECK(error < before);
        before = error;
      }
      CHECK(before < 3e-5);
      // With no series it is the network.
      CHECK(largest_error(w, release_taylor(w, ranges, {.share = 0}, 5, 0), samples) < 1e-6);
    }
}

TEST_CASE("sums over groups are the same function as single neurons") {
  const std::vector<float> samples = drawn_samples(60);
  for (const bool gated : {false, true}) {
    const mlp_weights w = drawn_mlp(activation::silu, gated);
    const neuron_ranges ranges = ranges_on(w, samples);
    for (const int group : {2, 3, 4}) {
      // Whole groups alone: of 21 neurons at four a group, 20.
      const taylor_mlp r = release_taylor(w, ranges, {.order = 5, .share = 0.7, .group = group}, 5, 0);
      CHECK(r.series() == 21 / group * group);
      const std::vector<index_t> chosen(r.sampled.begin(), r.sampled.end());
      CHECK(chosen == chosen_neurons(w, ranges, {.share = 0.7, .group = group}));
      const auto variables = static_cast<double>(group);
      double terms = 1;  // (order + g choose g)
      for (double v = 1; v <= variables; ++v) terms *= (5 + v) / v;
      CHECK(static_cast<double>(r.coefficients.size()) ==
            doctest::Approx(static_cast<double>(r.rows() * r.outputs) * (terms - 1)));
      const double share = static_cast<double>(r.series()) / 30;
      const taylor_mlp single = release_taylor(w, ranges, {.order = 5, .share = share}, 5, 0);
      CHECK(single.sampled == r.sampled);
      for (std::size_t at = 0; at < samples.size(); at += 12) {
        const std::vector<double> a = exact_release(single, samples.data() + at),
                                  b = exact_release(r, samples.data() + at);
        for (std::size_t o = 0; o < a.size(); ++o) CHECK(b[o] == doctest::Approx(a[o]).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("signs are drawn, hide in what is released, and change nothing") {
  const std::vector<float> samples = drawn_samples(40);
  const mlp_weights w = drawn_mlp(activation::silu, true);
  const neuron_ranges ranges = ranges_on(w, samples);
  std::set<std::vector<float>> different;
  for (std::uint64_t coins = 1; coins <= 3; ++coins) {
    const taylor_mlp r = release_taylor(w, ranges, {.order = 12, .share = 1}, coins, 0);
    different.insert(r.first);
    CHECK(largest_error(w, r, samples) < 1e-4);
    int negative = 0;
    for (index_t j = 0; j < r.series(); ++j) {
      const float sign = static_cast<float>(sign_of_neuron(coins, 0, j));
      negative += sign < 0 ? 1 : 0;
      CHECK(r.first[static_cast<std::size_t>(j * 12)] == sign * w.first_of(j)[0]);
    }
    CHECK(negative > 5);
    CHECK(negative < 25);
  }
  CHECK(different.size() == 3);
  CHECK(release_taylor(w, ranges, {}, 1, 0).first != release_taylor(w, ranges, {}, 1, 1).first);
}

TEST_CASE("the narrowest neurons are series, and of them those that keep a budget") {
  const std::vector<float> samples = drawn_samples(60);
  const mlp_weights w = drawn_mlp(activation::gelu_tanh, false);
  const neuron_ranges ranges = ranges_on(w, samples);
  const std::vector<index_t> narrow = chosen_neurons(w, ranges, {.share = 0.5});
  CHECK(narrow.size() == 15);
  double widest = 0;
  for (const index_t j : narrow) widest = std::max(widest, ranges.half_gap(j));
  for (index_t j = 0; j < w.hidden; ++j)
    if (!std::binary_search(narrow.begin(), narrow.end(), j)) CHECK(ranges.half_gap(j) >= widest);
  std::size_t before = 0;
  for (const int order : {2, 4, 8}) {  // a better series lets more of them keep it
    const std::vector<index_t> kept = chosen_neurons(w, ranges, {.order = order, .share = 1, .budget = 1e-3});
    CHECK(kept.size() >= before);
    before = kept.size();
    for (index_t j = 0; j < w.hidden; ++j)
      CHECK((series_error(w, ranges, j, order) <= 1e-3) == std::binary_search(kept.begin(), kept.end(), j));
  }
  CHECK(before > 15);
  CHECK(chosen_neurons(w, ranges, {.share = 0.5, .budget = 1e9}) == narrow);
}

TEST_CASE("in bf16 every number that is handed out is one") {
  const std::vector<float> samples = drawn_samples(40);
  for (const bool gated : {false, true}) {
    const mlp_weights w = drawn_mlp(activation::silu, gated);
    const taylor_mlp r =
        release_taylor(w, ranges_on(w, samples), {.precision = release_precision::bf16}, 1, 0);
    for (const auto* all : {&r.first, &r.up, &r.point, &r.value, &r.constant, &r.coefficients, &r.rest.down})
      for (const float x : *all) CHECK(x == static_cast<float>(bf16(x)));
    const double error = largest_error(w, r, samples);
    CHECK(error > 1e-4);
    CHECK(error < 0.1);
  }
}

TEST_CASE("the work grows as the formula says") {
  const mlp_weights gated = drawn_mlp(activation::silu, true, 1, 12, 30);
  mlp_weights even = gated;  // as many outputs as inputs
  even.outputs = 12, even.down.resize(30 * 12);
  const neuron_ranges ranges = ranges_on(even, drawn_samples(10));
  const double raw = 30 * (12 + 12 + 12);
  for (const int order : {2, 8})
    CHECK(release_taylor(even, ranges, {.order = order, .share = 1}, 1, 0).products() / raw ==
          doctest::Approx((order + 3) / 3.0));
}

TEST_CASE("options and weights that are none are refused") {
  const mlp_weights w = drawn_mlp(activation::silu, true);
  const neuron_ranges ranges = ranges_on(w, drawn_samples(10));
  check_refused([&] { release_taylor(w, ranges, {.order = 13}, 1, 0); }, "release.103", {"13"});
  check_refused([&] { release_taylor(w, ranges, {.share = 1.5}, 1, 0); }, "release.103");
  check_refused([&] { release_taylor(w, ranges, {.group = 5}, 1, 0); }, "release.103", {"groups of 5"});
  check_refused([&] { release_taylor(w, {}, {}, 1, 0); }, "release.103", {"30"});
  mlp_weights broken = w;
  broken.down.pop_back();
  check_refused([&] { release_taylor(broken, ranges, {}, 1, 0); }, "release.102", {"30"});
  broken = w, broken.up[3] = std::nanf("");
  check_refused([&] { release_taylor(broken, ranges, {}, 1, 0); }, "release.102");
}
