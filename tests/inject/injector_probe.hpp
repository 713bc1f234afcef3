// Networks with one injector of whole samples: numbers for them, their gradients against central differences, and the backends of
// the host against each other.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "spankey/core/arena.hpp"
#include "spankey/core/random.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/model.hpp"
#include "spankey/testing/gradient_check.hpp"

namespace spankey_test {

using namespace spankey;

/// Uniform in [-1, 1).
inline std::vector<double> drawn(index_t count, std::uint64_t seed) {
  const random_source random(seed, stream::evaluation);
  std::vector<double> v(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = 2 * random.uniform(i) - 1;
  return v;
}

/// dLoss/dkey of every sample's own key, or of one for all, and the gradients of what lies before the site. `model`: in double, with
/// one site, its injector set.
template <class Model>
void check_injector_gradients(Model& model, index_t n, bool shared) {
  const arena memory(model, n);
  initialise(model, 1);
  const index_t d = Model::sites[0].size();
  const std::vector<double> x = drawn(n * Model::input::size, 1), r = drawn(n * model.head(), 2);
  std::vector<double> key = drawn((shared ? 1 : n) * d, 3), of_samples(static_cast<std::size_t>(n * d));
  std::array<site_keys<double>, 1> keys;
  keys[0].group[0] = {key, shared ? 0 : d};
  keys[0].gradient[0] = of_samples;
  const pass p{.training = true};
  const auto loss = [&] {
    const double* z = model.forward(p, x.data(), n, keys);
    double sum = 0;
    for (std::size_t i = 0; i < r.size(); ++i) sum += r[i] * z[i];
    return sum;
  };
  loss();
  std::copy(r.begin(), r.end(), model.logit_gradient(n).data());
  model.backward(p, n);
  std::vector<double> dkey(key.size());
  for (std::size_t i = 0; i < of_samples.size(); ++i) dkey[i % key.size()] += of_samples[i];
  const gradient_check_result of_key = check_gradient(key, dkey, loss);
  CHECK(of_key.numeric_norm > 0.01);
  CHECK(of_key.error < 1e-7);
  model.for_each_parameter([&](const scope& name, parameter<double>& w) {
    INFO(name.str());
    const std::span<double> values(w.value.data, static_cast<std::size_t>(w.dims.size()));
    const std::vector<double> gradient(w.gradient.data, w.gradient.data + w.dims.size());
    CHECK(check_gradient(values, gradient, loss, 20).error < 1e-7);
  });
}

/// The same logits of n samples under keys of their own, or under one for all, which do something. Both models: of one list, their
/// injectors set.
template <class First, class Second>
void check_injector_agreement(First& first, Second& second, index_t n, bool shared) {
  const index_t d = First::sites[0].size();
  const arena of_first(first, n), of_second(second, n);
  const std::vector<double> numbers = drawn(n * First::input::size, 4), k = drawn((shared ? 1 : n) * d, 5);
  const std::vector<float> x(numbers.begin(), numbers.end()), key(k.begin(), k.end());
  std::array<site_keys<float>, 1> keys;
  keys[0].group[0] = {key, shared ? 0 : d};
  using view = std::span<const site_keys<float>>;
  const auto logits = [&](auto& model, view with) {
    initialise(model, 1);
    const float* z = model.forward(pass{}, x.data(), n, with);
    return std::vector<float>(z, z + n * model.head());
  };
  const std::vector<float> a = logits(first, keys), b = logits(second, keys);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-4));
  CHECK(a != logits(first, view{}));
}

}  // namespace spankey_test
