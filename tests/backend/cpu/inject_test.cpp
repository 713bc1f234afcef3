// Injection on the CPU agrees with reference<double>: vector kernels and the generic path, shared and own keys, keys of a
// number a channel or a token, no key gradient, dx in place of dy, both bounds of the multiplier, NaN and infinite keys;
// float and bf16.
#include "spankey/backend/cpu/inject.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>

#include "agreement.hpp"
#include "spankey/backend/reference/inject.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/inject/none.hpp"

namespace {

using namespace agreement;
using spankey::bf16;
using spankey::key_shape;
using spankey::site_geometry;
template <class T>
using kernels = spankey::inject_kernels<spankey::backend::cpu, T>;
using reference = spankey::inject_kernels<spankey::backend::reference, double>;

// A policy that the backend has never heard of.
struct quadratic {
  template <class T>
  T forward(T x, T k) const {
    return x + k * k;
  }
  template <class T>
  spankey::injector_gradient<T> backward(T, T k, T dy) const {
    return {dy, T(2) * k * dy};
  }
};

// Not the formula of what it derives from.
struct of_magnitude : spankey::additive {
  template <class T>
  T forward(T x, T k) const {
    return x + T(gamma) * std::abs(k);
  }
  template <class T>
  spankey::injector_gradient<T> backward(T, T k, T dy) const {
    return {dy, k < 0 ? -T(gamma) * dy : T(gamma) * dy};
  }
};

template <class T, class Injector>
void check_agreement(const Injector& injector, index_t samples, const site_geometry& site, bool shared) {
  CAPTURE(samples);
  CAPTURE(site.channels);
  CAPTURE(site.positions);
  CAPTURE(static_cast<int>(site.key));
  CAPTURE(shared);
  const index_t d = site.size(), keys = site.key_size(), stride = shared ? 0 : keys;
  const std::vector<T> x = values<T>(samples * d, 1), dy = values<T>(samples * d, 3);
  const std::vector<float> k = values(shared ? keys : samples * keys, 2);
  const std::vector<double> wide_x = widened(x), wide_k = widened(k), wide_dy = widened(dy);
  std::vector<T> y(x.size(), T(9.0F)), dx(x.size(), T(9.0F));
  std::vector<float> dk(static_cast<std::size_t>(samples * keys), 9.0F);
  std::vector<double> expected_y(x.size()), expected_dx(x.size()), expected_dk(dk.size());
  kernels<T>::forward(injector, samples, site, x.data(), {k.data(), stride}, y.data());
  reference::forward(injector, samples, site, wide_x.data(), {wide_k.data(), stride}, expected_y.data());
  CHECK(difference(y, expected_y) < 1e-6);

  reference::backward(injector, samples, site, wide_x.data(), {wide_k.data(), stride}, wide_dy.data(),
                      expected_dx.data(), expected_dk.data());
  kernels<T>::backward(injector, samples, site, x.data(), {k.data(), stride}, dy.data(), dx.data(),
                       dk.data());
  CHECK(difference(dx, expected_dx) < 1e-6);
  // A number's gradient is a sum over d / keys elements.
  CHECK(difference(dk, expected_dk) < 2e-6 * std::sqrt(static_cast<double>(d / keys)));
  // In place, with and without the key's gradient: the same bits.
  for (const bool with_key : {true, false}) {
    std::vector<T> in_place = dy;
    std::vector<float> key_gradient(dk.size(), 9.0F);
    kernels<T>::backward(injector, samples, site, x.data(), {k.data(), stride}, in_place.data(),
                         in_place.data(), with_key ? key_gradient.data() : nullptr);
    CHECK(same_bits(in_place, dx));
    if (with_key) CHECK(same_bits(key_gradient, dk));
  }
}

template <class T, class Injector>
void check_shapes(const Injector& injector) {
  for_each_isa([&] {
    for (const index_t samples : {0, 1, 3, 17})
      for (const index_t d : {1, 3, 5, 16, 17, 64, 65, 2048, 4103})
        for (const bool shared : {true, false}) check_agreement<T>(injector, samples, {d, 1}, shared);
  });
}

}  // namespace

TEST_CASE_TEMPLATE("inject: additive", T, float, bf16) { check_shapes<T>(spankey::additive{0.7F}); }
TEST_CASE_TEMPLATE("inject: multiplicative", T, float, bf16) {
  check_shapes<T>(spankey::multiplicative{0.5F});  // never at a bound
  check_shapes<T>(spankey::multiplicative{2.0F});  // often at both
}
TEST_CASE_TEMPLATE("inject: any other policy", T, float, bf16) {
  check_shapes<T>(spankey::none{});
  check_shapes<T>(quadratic{});
  check_agreement<T>(of_magnitude{{0.7F}}, 3, {65, 1}, true);
}
TEST_CASE_TEMPLATE("inject: a number a channel or a token", T, float, bf16) {
  for_each_isa([] {
    for (const key_shape key : {key_shape::channel, key_shape::token})
      for (const auto& [samples, channels, positions] : {std::array<index_t, 3>{0, 3, 2},
                                                         {1, 1, 9},
                                                         {9, 3, 49},
                                                         {2, 17, 130},
                                                         {10, 65, 1},
                                                         {1, 2049, 3},
                                                         {1, 1, 2100}})
        for (const bool shared : {true, false}) {
          const site_geometry site{channels, positions, key};
          check_agreement<T>(spankey::additive{0.7F}, samples, site, shared);
          check_agreement<T>(spankey::multiplicative{2.0F}, samples, site, shared);
          check_agreement<T>(quadratic{}, samples, site, shared);
        }
  });
}

// y = -0 + k is k, bit for bit, until it is stored.
TEST_CASE("inject: what is stored is rounded as core/bf16.hpp has it") {
  for_each_isa([] {
    const spankey::random_source random(1, spankey::stream::weights);
    std::vector<float> k;
    for (std::uint32_t upper = 0; upper < 0x10000;
         ++upper)  // ties and their neighbours, NaN, infinities, denormals
      for (const std::uint32_t lower : {0x0001U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU})
        k.push_back(std::bit_cast<float>(upper << 16 | lower));
    for (std::uint32_t i = 0; i < 0x10000; ++i) k.push_back(std::bit_cast<float>(random.block(i)[0]));
    const std::vector<bf16> zeros(k.size(), bf16(-0.0F));
    std::vector<bf16> y(k.size());
    const index_t count = static_cast<index_t>(k.size());
    kernels<bf16>::forward(spankey::additive{1.0F}, 1, {count, 1}, zeros.data(), {k.data(), 0}, y.data());
    CHECK(same_bits(y, rounded<bf16>(k)));
  });
}

TEST_CASE("inject: tanh inside the multiplier is accurate over its whole range") {
  for_each_isa([] {
    const index_t count = 1 << 16;
    const std::vector<float> one(static_cast<std::size_t>(count), 1.0F);
    std::vector<float> k(one.size()), y(one.size());
    for (std::size_t i = 0; i < k.size(); ++i)
      k[i] = -15.0F + 30.0F * static_cast<float>(i) / static_cast<float>(count);
    kernels<float>::forward(spankey::multiplicative{0.5F}, 1, {count, 1}, one.data(), {k.data(), 0},
                            y.data());
    double worst = 0;
    for (std::size_t i = 0; i < k.size(); ++i)
      worst = std::max(worst,
                       std::abs(static_cast<double>(y[i]) - 1 - 0.5 * std::tanh(static_cast<double>(k[i]))));
    CHECK(worst < 2e-7);
  });
}

TEST_CASE_TEMPLATE("inject: NaN and infinite keys", T, float, bf16) {
  for_each_isa([] {
    const float infinity = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> k{nan, infinity, 0.5F, -infinity};
    const std::vector<T> x = rounded<T>({1, 2, nan, 4}), dy(4, T(1.0F));
    std::vector<T> y(4), dx(4);
    std::vector<float> dk(4);
    const spankey::multiplicative injector{0.5F};
    kernels<T>::forward(injector, 1, {4, 1}, x.data(), {k.data(), 0}, y.data());
    CHECK(std::isnan(static_cast<float>(y[0])));
    CHECK(static_cast<float>(y[1]) == doctest::Approx(3.0));
    CHECK(std::isnan(static_cast<float>(y[2])));
    CHECK(static_cast<float>(y[3]) == doctest::Approx(2.0));
    kernels<T>::backward(injector, 1, {4, 1}, x.data(), {k.data(), 0}, dy.data(), dx.data(), dk.data());
    CHECK(std::isnan(static_cast<float>(dx[0])));
    CHECK(dk[0] == 0.0F);  // as the policy has it: a NaN is not between the bounds
    CHECK(std::isnan(dk[2]));
    CHECK(dk[1] == doctest::Approx(0.0));
  });
}

TEST_CASE_TEMPLATE("inject: the same bits for any number of threads", T, float, bf16) {
  check_thread_independence([] {
    const index_t samples = 21, d = 5000;
    const std::vector<T> x = values<T>(samples * d, 1);
    const std::vector<float> k = values(d, 2);
    std::vector<T> y(x.size()), dx(x.size());
    std::vector<float> dk(x.size());
    kernels<T>::forward(spankey::multiplicative{2.0F}, samples, {d, 1}, x.data(), {k.data(), 0}, y.data());
    kernels<T>::backward(spankey::multiplicative{2.0F}, samples, {d, 1}, x.data(), {k.data(), 0}, y.data(),
                         dx.data(), dk.data());
    std::vector<float> all = floats(y);
    all.insert(all.end(), dx.begin(), dx.end());
    all.insert(all.end(), dk.begin(), dk.end());
    return all;
  });
}

TEST_CASE_TEMPLATE("inject: numbers that act on many elements have the same bits for any number of threads",
                   T, float, bf16) {
  for (const key_shape key : {key_shape::channel, key_shape::token})
    check_thread_independence([key] {
      const site_geometry site{33, 150, key};
      const index_t samples = 11;
      const std::vector<T> x = values<T>(samples * site.size(), 1);
      const std::vector<float> k = values(samples * site.key_size(), 2);
      std::vector<T> y(x.size());
      std::vector<float> dk(k.size());
      const spankey::multiplicative injector{2.0F};
      kernels<T>::forward(injector, samples, site, x.data(), {k.data(), site.key_size()}, y.data());
      kernels<T>::backward(injector, samples, site, x.data(), {k.data(), site.key_size()}, y.data(), y.data(),
                           dk.data());
      std::vector<float> all = floats(y);
      all.insert(all.end(), dk.begin(), dk.end());
      return all;
    });
}
