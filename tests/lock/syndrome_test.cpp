// Costs 25 s to compile and 6 s to run.
#include "spankey/lock/syndrome.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/train/site_buffers.hpp"

using namespace spankey;

namespace {

constexpr extents small{4, 4, 4};  // d 64
key_space space(const extents& shape, index_t m) {
  return {{.subspace_dim = m, .coefficients = coefficient_kind::gaussian, .seed = 7}, {site{0, shape}}};
}

// The limit that accepts this share of isotropic keys, by bisection of the formula.
double limit_for(double rate, index_t q, index_t d) {
  double low = 1e-12, high = 1 - 1e-12;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (accepting_bits(middle, q, d) > -std::log2(rate) ? low : high) = middle;
  }
  return low;
}

}  // namespace

TEST_CASE("isotropic keys are accepted as often as the formula says") {
  constexpr index_t keys = 100000, q = 16;
  key_space keyed = space(small, 8);
  for (const double rate : {0.3, 0.1, 0.01, 0.001}) {
    const key_syndrome gate(keyed.subspace_of(0), 3, q, limit_for(rate, q, small.size()));
    CHECK(gate.bits() == doctest::Approx(-std::log2(rate)).epsilon(1e-6));
    const random_source drawn(11, stream::evaluation);
    index_t accepted = 0;
    std::vector<float> k(static_cast<std::size_t>(small.size()));
    for (index_t n = 0; n < keys; ++n) {
      for (std::size_t j = 0; j < k.size(); ++j)
        k[j] = static_cast<float>(drawn.gaussian(static_cast<std::uint64_t>(n) * k.size() + j));
      accepted += gate.accepts(k.data()) ? 1 : 0;
    }
    const double expected = rate * keys, deviation = std::sqrt(expected * (1 - rate));
    INFO(rate, ": ", accepted, " of ", keys);
    CHECK(std::abs(static_cast<double>(accepted) - expected) < 4 * deviation);
  }
}

TEST_CASE("valid keys are accepted, the zero key and others are not, at the usual limit") {
  key_space keyed = space({3, 32, 32}, 32);
  const key_syndrome gate(keyed.subspace_of(0), 3);
  CHECK(gate.rows() == 32);
  CHECK(gate.bits() > 150);
  const site_buffers drawn(keyed.sites(), 200);
  keyed.draw_valid({5, stream::evaluation, 0}, 200, drawn.outputs());
  for (index_t n = 0; n < 200; ++n) {
    const float* k = drawn.outputs()[0] + n * gate.size();
    CHECK(gate.share(k) < 1e-9);
    CHECK(gate.accepts(k));
  }
  for (const invalid_rule rule :
       {invalid_rule{invalid_family::gaussian}, invalid_rule{invalid_family::orthogonal},
        invalid_rule{invalid_family::permuted}, invalid_rule{invalid_family::sign_flipped},
        invalid_rule{invalid_family::zero}, invalid_rule{invalid_family::angle, 20},
        invalid_rule{invalid_family::angle, 2}}) {
    keyed.draw_invalid(rule, {5, stream::evaluation, 1}, 50, drawn.outputs());
    for (index_t n = 0; n < 50; ++n) CHECK_FALSE(gate.accepts(drawn.outputs()[0] + n * gate.size()));
  }
  std::vector<float> bad(static_cast<std::size_t>(gate.size()), std::nanf(""));
  CHECK_FALSE(gate.accepts(bad.data()));
  bad.assign(bad.size(), std::numeric_limits<float>::infinity());
  CHECK_FALSE(gate.accepts(bad.data()));
}

TEST_CASE("a network of syndromes is itself under an accepted key, and another under a refused one") {
  using network = small_cnn<10, gate<syndrome, at<1, 2>>, backend::reference, double>;
  const auto model = std::make_unique<network>();
  const std::vector<site> sites = {{1, network::sites[1]}, {2, network::sites[2]}};
  key_space keyed({.subspace_dim = 8, .per_site_key = true, .per_site_basis = true, .seed = 2}, sites);
  const std::vector<key_syndrome> gates = {{keyed.subspace_of(0), 3, 16}, {keyed.subspace_of(1), 4, 16}};
  const arena memory(*model, 2);
  initialise(*model, 1);
  std::vector<double> x(static_cast<std::size_t>(2 * network::input::size));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
  const site_buffers drawn(sites, 1);
  const auto answers = [&](bool with_key, std::vector<std::vector<double>>& gradients) {
    std::vector<std::vector<double>> keys;
    std::vector<site_keys<double>> given(network::sites.size());
    gradients.clear();
    for (std::size_t i = 0; with_key && i < sites.size(); ++i) {
      keys.emplace_back(drawn.outputs()[i], drawn.outputs()[i] + sites[i].shape.size());
      gradients.emplace_back(keys.back().size() * 2, 9.0);
    }
    for (std::size_t i = 0; with_key && i < sites.size(); ++i) {
      auto& at_site = given[static_cast<std::size_t>(sites[i].number)];
      at_site.group[0] = {keys[i], 0};
      at_site.gradient[0] = gradients[i];
    }
    const double* z = model->network_type::forward(pass{}, x.data(), 2, given);
    const std::vector<double> logits(z, z + 20);
    std::fill_n(static_cast<network::network_type&>(*model).logit_gradient(2), 20, 1.0);
    model->network_type::backward(pass{}, 2);
    return logits;
  };
  std::vector<std::vector<double>> gradients;
  spankey_test::check_refused([&] { (void)answers(true, gradients); }, "inject.101");  // nobody set it
  set_syndromes(*model, sites, gates);
  const std::vector<double> open = answers(false, gradients);
  keyed.draw_valid({5, stream::evaluation, 0}, 1, drawn.outputs());
  CHECK(answers(true, gradients) == open);  // exactly
  keyed.draw_invalid(invalid_rule{}, {5, stream::evaluation, 0}, 1, drawn.outputs());
  const std::vector<double> closed = answers(true, gradients);
  CHECK(closed != open);
  for (const auto& of_site : gradients)
    for (const double dk : of_site) CHECK(dk == 0);
}

TEST_CASE("a scramble is undone by its inverse, and a complement has so many rows") {
  key_space keyed = space(small, 8);
  const key_syndrome gate(keyed.subspace_of(0), 3, 16);
  std::vector<double> x(64), y(64), back(64);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i) + 1;
  gate.scramble(x.data(), y.data());
  CHECK(y != x);
  gate.unscramble(y.data(), back.data());
  CHECK(back == x);
  spankey_test::check_refused([&] { (void)key_syndrome(keyed.subspace_of(0), 3, 57); }, "lock.112",
                              {"57", "56"});
  spankey_test::check_refused([&] { (void)key_syndrome(keyed.subspace_of(0), 3, 16, 0); }, "lock.111");
}
