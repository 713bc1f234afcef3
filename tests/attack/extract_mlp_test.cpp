// Costs 6 s to compile and 1 s to run.
#include "spankey/attack/extract_mlp.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "release/drawn_mlp.hpp"
#include "spankey/attack/extraction_report.hpp"
#include "spankey/attack/pseudo_inverse.hpp"

using namespace spankey;
using spankey_test::drawn_mlp;
using spankey_test::drawn_samples;
using spankey_test::ranges_on;

namespace {

extraction_report report_of(const mlp_weights& truth, const taylor_mlp& r, const mlp_weights& found) {
  extraction_report report;
  compare_mlp(
      truth, found,
      [&](index_t j) { return std::binary_search(r.sampled.begin(), r.sampled.end(), std::int64_t{j}); },
      report);
  return report;
}

}  // namespace

TEST_CASE("every neuron falls, gated or not, whatever the signs") {
  const std::vector<float> samples = drawn_samples(60);
  for (const activation act : {activation::silu, activation::gelu, activation::gelu_tanh})
    for (const bool gated : {false, true})
      for (std::uint64_t coins = 1; coins <= 5; ++coins) {
        const mlp_weights w = drawn_mlp(act, gated, coins, 12, 60);
        const taylor_mlp r = release_taylor(w, ranges_on(w, samples), {.order = 8}, coins, 0);
        const extracted_mlp found = extract_mlp(r);
        extraction_report report = report_of(w, r, found.weights);
        add_fits(found, report);
        CAPTURE(static_cast<int>(act));
        CAPTURE(gated);
        CHECK(report.neurons == 42);
        CHECK(report.share() >= 0.999);
        CHECK(report.share_of_all() >= 0.999);
        CHECK(report.signs_right == report.signs);
        CHECK(report.failed == 0);
        CHECK(quantile(report.columns, 1) < 1e-5);
        CHECK(quantile(report.residuals, 1) < 1e-10);
        CHECK(report.signs == (gated ? 42 : 0));
        if (gated) {  // and the signs are those that were drawn
          for (std::size_t j = 0; j < found.fits.size(); ++j)
            CHECK(found.fits[j].sign == sign_of_neuron(coins, 0, r.sampled[j]));
        } else {
          for (std::size_t o = 0; o < w.down_bias.size(); ++o)
            CHECK(found.weights.down_bias[o] == doctest::Approx(w.down_bias[o]).epsilon(1e-3));
        }
      }
}

TEST_CASE("three orders are enough to find a bias") {
  const std::vector<float> samples = drawn_samples(60);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const mlp_weights w = drawn_mlp(activation::gelu_tanh, false, seed, 12, 200);
    const taylor_mlp r = release_taylor(w, ranges_on(w, samples), {.order = 3, .share = 1}, 1, 0);
    const extraction_report report = report_of(w, r, extract_mlp(r).weights);
    CAPTURE(seed);
    CHECK(quantile(report.columns, 1) < 1e-4);
  }
}

TEST_CASE("a gated neuron with a bias that was not released falls to the grid") {
  const std::vector<float> samples = drawn_samples(60);
  mlp_weights w = drawn_mlp(activation::silu, true, 4, 12, 40);
  w.first_bias = spankey_test::drawn_numbers(8)(40, 0.5);
  const taylor_mlp r = release_taylor(w, ranges_on(w, samples), {.order = 8}, 2, 0);
  const extracted_mlp found = extract_mlp(r);
  const extraction_report report = report_of(w, r, found.weights);
  CHECK(report.share() >= 0.999);
  CHECK(report.signs_right == report.signs);
}

TEST_CASE("without biases the expansion point is known, and nothing is searched") {
  const std::vector<float> samples = drawn_samples(60);
  for (const bool gated : {false, true}) {
    mlp_weights w = drawn_mlp(activation::gelu_tanh, gated, 4, 12, 40);
    w.first_bias.clear();
    // At order 1 an ungated neuron is one vector: with its point that is enough.
    const taylor_mlp r = release_taylor(w, ranges_on(w, samples), {.order = 1}, 2, 0);
    const extracted_mlp found = extract_mlp(r, first_biases::none);
    const extraction_report report = report_of(w, r, found.weights);
    CHECK(found.weights.first_bias.empty());
    CHECK(report.share() >= 0.999);
    CHECK(quantile(report.columns, 1) < 1e-5);
  }
}

TEST_CASE("sums over groups fall as single neurons do") {
  const std::vector<float> samples = drawn_samples(60);
  for (const activation act : {activation::silu, activation::gelu_tanh})
    for (const bool gated : {false, true})
      for (const int group : {2, 3, 4}) {
        const mlp_weights w = drawn_mlp(act, gated, 3, 12, 60);
        const taylor_mlp r = release_taylor(w, ranges_on(w, samples), {.order = 4, .group = group}, 5, 0);
        CAPTURE(gated);
        CAPTURE(group);
        // No row of what is handed out is a neuron's, up to its sign.
        for (index_t row = 0; row < r.series(); ++row)
          for (index_t j = 0; j < w.hidden; ++j) {
            const float* const given = r.first.data() + row * 12;
            const double along = dot(given, w.first_of(j), 12) / std::sqrt(dot(given, given, 12)) /
                                 std::sqrt(dot(w.first_of(j), w.first_of(j), 12));
            CHECK(std::abs(along) < 0.99999);
          }
        const extracted_mlp found = extract_mlp(r);
        const extraction_report report = report_of(w, r, aligned_to(w, found.weights));
        CHECK(report.neurons == r.series());
        CHECK(report.share() >= 0.99);
        CHECK(report.signs_right == report.signs);
        CHECK(quantile(report.columns, 1) < 1e-3);
      }
}

TEST_CASE("bf16 costs a digit, no more") {
  const std::vector<float> samples = drawn_samples(60);
  for (const bool gated : {false, true}) {
    const mlp_weights w = drawn_mlp(activation::silu, gated, 3, 12, 60);
    const taylor_mlp r =
        release_taylor(w, ranges_on(w, samples), {.precision = release_precision::bf16}, 9, 0);
    const extraction_report report = report_of(w, r, extract_mlp(r).weights);
    CHECK(report.signs_right == report.signs);
    CHECK(quantile(report.columns, 1) < 0.01);
    CHECK(report.share() >= 0.9999);
  }
}

TEST_CASE("too few orders leave what they do not tell") {
  const std::vector<float> samples = drawn_samples(60);
  const mlp_weights w = drawn_mlp(activation::gelu, false);
  for (const int order : {0, 1}) {
    const taylor_mlp r = release_taylor(w, ranges_on(w, samples), {.order = order}, 1, 0);
    const extracted_mlp found = extract_mlp(r);
    CHECK(std::all_of(found.fits.begin(), found.fits.end(), [](const neuron_fit& f) { return f.failed; }));
    CHECK(report_of(w, r, found.weights).share() < 0.8);
  }
}

TEST_CASE("order, sign and scale of neurons do not count") {
  mlp_weights w = drawn_mlp(activation::silu, true, 4, 12, 40);
  std::vector<index_t> order(40);
  std::iota(order.begin(), order.end(), index_t{0});
  std::reverse(order.begin(), order.begin() + 31);
  mlp_weights other = w.only(order);
  for (index_t j = 0; j < 40; ++j) {
    const float scale = (j % 2 == 0 ? -1.0F : 1.0F) * static_cast<float>(j + 1) * 0.3F;
    for (index_t i = 0; i < 12; ++i) other.up[static_cast<std::size_t>(j * 12 + i)] *= scale;
    for (index_t o = 0; o < 13; ++o) other.down[static_cast<std::size_t>(j * 13 + o)] /= scale;
  }
  const auto all = [](index_t) { return true; };
  extraction_report before, after;
  compare_mlp(w, other, all, before);
  compare_mlp(w, aligned_to(w, other), all, after);
  CHECK(before.share() < 0.2);
  CHECK(after.share() == 1);
  CHECK(after.signs_right == after.signs);
  // Of an ungated one W_down has no scale of its own.
  const mlp_weights plain = drawn_mlp(activation::silu, false, 4, 12, 40);
  mlp_weights turned = plain.only(order);
  extraction_report open;
  compare_mlp(plain, aligned_to(plain, turned), all, open);
  CHECK(open.share() == 1);
  for (float& x : turned.down) x *= 2;
  extraction_report scaled;
  compare_mlp(plain, aligned_to(plain, turned), all, scaled);
  CHECK(scaled.share() < 0.6);
}

TEST_CASE("least squares from answers find nothing") {
  for (const bool gated : {false, true}) {
    const mlp_weights w = drawn_mlp(activation::silu, gated, 3, 12, 60);
    const taylor_mlp r = release_taylor(w, ranges_on(w, drawn_samples(60)), {}, 9, 0);
    for (const index_t count : {30, 400}) {  // fewer than neurons, and many more
      const std::vector<float> asked = drawn_samples(count);
      const extraction_report report = report_of(w, r, extract_by_pseudo_inverse(r, asked));
      CAPTURE(count);
      CHECK(quantile(report.columns, 0.5) > 0.1);
      extraction_report down_alone;
      mlp_weights with_gate = extract_by_pseudo_inverse(r, asked);
      with_gate.first = w.first, with_gate.first_bias = w.first_bias;
      compare_mlp(
          w, with_gate, [](index_t) { return true; }, down_alone);
      CHECK(down_alone.share() < 0.95);
    }
  }
}
