// An injector of whole samples: it mixes channels and positions, its gradients are those of central differences, and both
// backends of the host run it alike.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/random.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/model.hpp"
#include "spankey/testing/gradient_check.hpp"

using namespace spankey;

namespace {

/// y(p, c) = x(p, c) + k(c) x(p, c+1 mod C): every channel is mixed with its neighbour.
struct neighbours {
  template <class T, class K>
  void forward(const site_geometry& site, const T* x, const K* k, T* y) const {
    for (index_t i = 0; i < site.size(); ++i)
      y[i] = static_cast<T>(static_cast<K>(x[i]) + k[i % site.channels] * static_cast<K>(x[next(site, i)]));
  }
  template <class T, class K>
  void backward(const site_geometry& site, const T* x, const K* k, const T* dy, T* dx, K* dk) const {
    std::fill_n(dx, site.size(), T(0));
    if (dk != nullptr) std::fill_n(dk, site.channels, K(0));
    for (index_t i = 0; i < site.size(); ++i) {
      const index_t c = i % site.channels;
      dx[i] = static_cast<T>(static_cast<K>(dx[i]) + static_cast<K>(dy[i]));
      dx[next(site, i)] = static_cast<T>(static_cast<K>(dx[next(site, i)]) + k[c] * static_cast<K>(dy[i]));
      if (dk != nullptr) dk[c] += static_cast<K>(dy[i]) * static_cast<K>(x[next(site, i)]);
    }
  }

 private:
  static index_t next(const site_geometry& site, index_t i) {
    return i % site.channels + 1 == site.channels ? i + 1 - site.channels : i + 1;
  }
};

constexpr layer_list mixing(head_outputs outputs) {
  layer_list net("mixing", {3, 4, 5});
  net.conv2d("conv", 4, {.bias = bias::learned}).relu("relu").site(0, key_shape::channel);
  return net.conv2d("last", 2).head("fc", outputs);
}
template <class Backend, class T>
using network = model_of<mixing, 3, gate<neighbours, at<0>>, Backend, T>;

std::vector<double> drawn(index_t count, std::uint64_t seed) {
  const random_source random(seed, stream::evaluation);
  std::vector<double> v(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = 2 * random.uniform(i) - 1;
  return v;
}

}  // namespace

TEST_CASE("sample injector: gradients of keys and of what lies before the site") {
  network<backend::reference, double> model;
  const index_t n = 3;
  const arena memory(model, n);
  initialise(model, 1);
  const std::vector<double> x = drawn(n * 60, 1), r = drawn(n * 3, 2);
  std::vector<double> key = drawn(n * 4, 3), dkey(key.size());
  std::array<site_keys<double>, 1> keys;
  keys[0].group[0] = {key, 4};
  keys[0].gradient[0] = dkey;
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

TEST_CASE("sample injector: the backends of the host agree, with one key for all samples, too") {
  network<backend::reference, float> reference;
  network<backend::cpu, float> cpu;
  const index_t n = 17;
  const arena first(reference, n), second(cpu, n);
  const std::vector<double> numbers = drawn(n * 60, 4), k = drawn(4, 5);
  const std::vector<float> x(numbers.begin(), numbers.end()), key(k.begin(), k.end());
  std::array<site_keys<float>, 1> keys;
  keys[0].group[0] = {key, 0};
  const auto logits = [&](auto& model, auto with) {
    initialise(model, 1);
    const float* z = model.forward(pass{}, x.data(), n, with);
    return std::vector<float>(z, z + n * 3);
  };
  using view = std::span<const site_keys<float>>;
  const std::vector<float> a = logits(reference, view(keys)), b = logits(cpu, view(keys));
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-4));
  CHECK(a != logits(reference, view{}));
}
