// Keys that are read before they act. Costs 10 s to compile.
#include "spankey/inject/reading.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "error_probe.hpp"
#include "inject/injector_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/gate_note.hpp"
#include "spankey/core/random.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;
using spankey_test::drawn;
using spankey_test::id_of;

namespace {

template <key_shape Key>
constexpr layer_list read_after_conv(head_outputs outputs) {
  layer_list net("read_after_conv", {3, 4, 5});
  net.conv2d("conv", 19, {.bias = bias::learned}).relu("relu").site(0, Key);
  return net.conv2d("last", 2).head("fc", outputs);
}
template <class Backend, class T, key_shape Key = key_shape::channel>
using network = model_of<read_after_conv<Key>, 3, gate<reading, at<0>>, Backend, T>;

// The formula of the header, with its matrices written out: what one sample becomes.
std::vector<double> by_the_formula(const reading& policy, const site_geometry& site,
                                   const std::vector<double>& x, const std::vector<double>& k) {
  const auto sign = [&](std::uint64_t map, index_t row, index_t column) {
    const random_source random(0, stream::key_reading, map);
    const auto words = random.block(static_cast<std::uint64_t>(row));
    return (words[static_cast<std::size_t>(column / 32)] >> (column % 32) & 1U) != 0 ? -1.0 : 1.0;
  };
  const double d = static_cast<double>(k.size()), q = static_cast<double>(policy.readings);
  std::vector<double> u;
  for (index_t j = 0; j < policy.readings; ++j) {
    double z = 0;
    for (std::size_t i = 0; i < k.size(); ++i) z += sign(0, static_cast<index_t>(i), j) * k[i];
    u.push_back(z * z / d - 1);
  }
  std::vector<double> y(x.size());
  for (index_t i = 0; i < site.size(); ++i) {
    double s = 0, t = 0;
    for (index_t j = 0; j < policy.readings; ++j) {
      s += sign(1, i % site.channels, j) * u[static_cast<std::size_t>(j)];
      t += sign(2, i % site.channels, j) * u[static_cast<std::size_t>(j)];
    }
    y[static_cast<std::size_t>(i)] =
        x[static_cast<std::size_t>(i)] * (1 + policy.gamma * std::tanh(s / std::sqrt(q))) +
        policy.gamma * std::tanh(t / std::sqrt(q));
  }
  return y;
}

}  // namespace

TEST_CASE("reading: what the header says, for keys of elements, channels and positions") {
  const reading policy{.gamma = 0.5F, .readings = 40};
  for (const key_shape shape : {key_shape::element, key_shape::channel, key_shape::token}) {
    const site_geometry site{19, 6, shape};
    const std::vector<double> x = drawn(site.size(), 1), k = drawn(site.key_size(), 2);
    std::vector<double> y(x.size());
    policy.forward(site, x.data(), k.data(), y.data());
    const std::vector<double> expected = by_the_formula(policy, site, x, k);
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(expected[i]).epsilon(1e-12));
  }
}

TEST_CASE("reading: gradients of keys and of what lies before the site") {
  for (const bool shared : {false, true}) {
    network<backend::reference, double> model;
    set_injector(model, reading{.gamma = 0.5F, .readings = 12});
    spankey_test::check_injector_gradients(model, 3, shared);
  }
}

TEST_CASE("reading: the backends of the host agree, and a key has an effect") {
  network<backend::reference, float, key_shape::element> reference;
  network<backend::cpu, float, key_shape::element> cpu;
  set_injector(reference, reading{.gamma = 1}), set_injector(cpu, reading{.gamma = 1});
  spankey_test::check_injector_agreement(reference, cpu, 17, true);
}

// Why it is there: whatever is affine in the key has the same mean for both kinds.
TEST_CASE("reading: keys of a span shift channels otherwise than keys around it, in the mean of many") {
  const index_t d = 16, count = 4000;
  const site_geometry site{d, 1, key_shape::channel};
  const reading policy{.gamma = 1, .readings = 128};
  // The mean effect on zero of keys of length sqrt(d) in a span of m drawn directions.
  const std::vector<double> directions = drawn(64 * d, 4);
  const auto mean_of = [&](index_t m, std::uint64_t seed) {
    const std::vector<double> zero(static_cast<std::size_t>(d));
    std::vector<double> mean(zero), y(zero);
    const random_source random(seed, stream::evaluation);
    for (index_t n = 0; n < count; ++n) {
      std::vector<double> k(zero);
      for (index_t a = 0; a < m; ++a) {
        const double g = random.gaussian(static_cast<std::uint64_t>(n * m + a));
        for (index_t i = 0; i < d; ++i)
          k[static_cast<std::size_t>(i)] += g * directions[static_cast<std::size_t>(a * d + i)];
      }
      double energy = 0;
      for (const double v : k) energy += v * v;
      for (double& v : k) v *= std::sqrt(static_cast<double>(d) / energy);
      policy.forward(site, zero.data(), k.data(), y.data());
      for (std::size_t i = 0; i < y.size(); ++i) mean[i] += y[i] / static_cast<double>(count);
    }
    return mean;
  };
  const auto distance = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
  };
  // A span of 64 drawn directions is noise in 16 dimensions.
  const std::vector<double> noise = mean_of(64, 1), other_noise = mean_of(64, 2), valid = mean_of(4, 3);
  CHECK(distance(valid, noise) > 10 * distance(noise, other_noise));
}

TEST_CASE("reading: a number of readings that it cannot make is refused, and no strength, too") {
  const site_geometry site{4, 1, key_shape::channel};
  std::vector<float> x(4), y(4);
  for (const index_t readings : {index_t(0), index_t(-1), index_t(129)})
    CHECK(id_of([&] {
            reading{.gamma = 1, .readings = readings}.forward(site, x.data(), x.data(), y.data());
          }) == "inject.107");
  CHECK_FALSE(reading{}.is_set());
}

// A program chooses injectors at run time.
TEST_CASE(
    "reading: chosen at run time it is what it is as a type, forwards and backwards, and takes its scratch") {
  const index_t n = 3;
  using chosen =
      model_of<read_after_conv<key_shape::channel>, 3, gate<runtime, at<0>>, backend::reference, double>;
  network<backend::reference, double> fixed;
  chosen at_run_time;
  set_injector(fixed, reading{.gamma = 0.5F, .readings = 12});
  set_injector(at_run_time, runtime{injector_kind::reading, 0.5F, 12});
  const arena first(fixed, n), second(at_run_time, n);
  initialise(fixed, 1), initialise(at_run_time, 1);
  const std::vector<double> x = drawn(n * 60, 1), r = drawn(n * 3, 2), key = drawn(n * 19, 3);
  const auto gradients = [&](auto& model) {
    std::vector<double> dkey(key.size());
    std::array<site_keys<double>, 1> keys;
    keys[0].group[0] = {key, 19};
    keys[0].gradient[0] = dkey;
    const pass p{.training = true};
    const double* z = model.forward(p, x.data(), n, keys);
    std::vector<double> all(z, z + n * 3);
    std::copy(r.begin(), r.end(), model.logit_gradient(n).data());
    model.backward(p, n);
    model.for_each_parameter([&](const scope&, parameter<double>& w) {
      all.insert(all.end(), w.gradient.data, w.gradient.data + w.dims.size());
    });
    all.insert(all.end(), dkey.begin(), dkey.end());
    return all;
  };
  CHECK(gradients(fixed) == gradients(at_run_time));
  CHECK(gate_note(fixed) == "reading gamma=0.5 readings=12 sites=0");
  CHECK(gate_note(at_run_time) == gate_note(fixed));
  chosen late;
  set_injector(late, runtime{injector_kind::multiplicative, 0.5F});
  const arena without_scratch(late, n);
  set_injector(late, runtime{injector_kind::reading, 0.5F});
  initialise(late, 1);
  CHECK(id_of([&] { (void)gradients(late); }) == "inject.104");
}
