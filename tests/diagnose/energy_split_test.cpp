// Costs 4 s to compile.
#include "spankey/diagnose/energy_split.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "error_probe.hpp"
#include "spankey/key/sampler.hpp"

using namespace spankey;

namespace {

constexpr extents sample = {4, 4, 4};
constexpr index_t count = 400;

std::vector<double> shares_of(key_space& keys, const invalid_rule* rule) {
  const index_t d = sample.size();
  std::vector<float> drawn(static_cast<std::size_t>(count * d));
  float* const to = drawn.data();
  const random_source source(3, stream::evaluation);
  if (rule == nullptr) {
    keys.draw_valid(source, count, {&to, 1});
  } else {
    keys.draw_invalid(*rule, source, count, {&to, 1});
  }
  std::vector<double> shares;
  for (index_t i = 0; i < count; ++i) shares.push_back(keys.subspace_of(0).energy_share(to + i * d));
  return shares;
}

}  // namespace

TEST_CASE("energy split: Gaussian keys follow the law of isotropic ones, valid and orthogonal ones do not") {
  key_space keys({.subspace_dim = 8}, std::vector<site>{{0, sample}});
  const index_t d = sample.size();
  const invalid_rule gaussian{invalid_family::gaussian}, orthogonal{invalid_family::orthogonal};
  const energy_split of_gaussian = split_energy(shares_of(keys, &gaussian), 8, d);
  CHECK(of_gaussian.keys == count);
  CHECK(of_gaussian.mean == doctest::Approx(8.0 / 64).epsilon(0.05));
  CHECK(of_gaussian.distance < isotropic_limit(count));
  const energy_split of_valid = split_energy(shares_of(keys, nullptr), 8, d);
  CHECK(of_valid.least > 1 - 1e-5);
  CHECK(of_valid.distance > 0.99);
  const energy_split of_orthogonal = split_energy(shares_of(keys, &orthogonal), 8, d);
  CHECK(of_orthogonal.most < 1e-9);
  CHECK(of_orthogonal.distance > 0.99);
  // Keys of another law are found out: those whose energy is that of a larger span.
  CHECK(split_energy(shares_of(keys, &gaussian), 12, d).distance > isotropic_limit(count));
}

TEST_CASE("energy split: the law between its ends") {
  CHECK(isotropic_law(0, 8, 64) == 0);
  CHECK(isotropic_law(1, 8, 64) == 1);
  // Beta(1, 3): 1 - (1 - x)^3.
  CHECK(isotropic_law(0.25, 2, 8) == doctest::Approx(1 - 0.75 * 0.75 * 0.75));
}

TEST_CASE("energy split: bits of a residual gate") {  // docs/method.md's values, at a limit of .5
  CHECK(residual_gate_bits(0.5, 8, 64) == doctest::Approx(18.7).epsilon(0.003));
  CHECK(residual_gate_bits(0.5, 8, 128) == doctest::Approx(47.7).epsilon(0.002));
  CHECK(residual_gate_bits(0.5, 8, 784) == doctest::Approx(368).epsilon(0.002));
  CHECK(residual_gate_bits(0.5, 32, 784) == doctest::Approx(302).epsilon(0.002));
  CHECK(residual_gate_bits(0.5, 32, 3072) == doctest::Approx(1417).epsilon(0.001));
}

TEST_CASE("energy split: nothing to split") {
  spankey_test::check_refused([] { (void)split_energy({}, 1, 2); }, "diagnose.101");
  spankey_test::check_refused([] { (void)split_energy({0.5}, 2, 2); }, "diagnose.102");
  spankey_test::check_refused([] { (void)residual_gate_bits(0.5, 2, 2); }, "lock.111");
}
