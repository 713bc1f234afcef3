// Injection on the device agree with reference<double>: sizes with and without whole packs, memory that
// starts between packs, in place, NaN; float and bf16.
#include "spankey/backend/cuda/inject.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/inject.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/inject/none.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::bf16;
using spankey::key_shape;
using spankey::site_geometry;
using spankey::backend::cuda;
using spankey::backend::reference;

template <class T, class Injector>
void check_injection(const Injector& injector, index_t samples, const site_geometry& site, bool shared) {
  CAPTURE(samples);
  CAPTURE(site.channels);
  CAPTURE(static_cast<int>(site.key));
  CAPTURE(shared);
  using kernels = spankey::inject_kernels<cuda, T>;
  using plain = spankey::inject_kernels<reference, double>;
  const index_t keys = site.key_size(), stride = shared ? 0 : keys, count = samples * site.size();
  const std::vector<T> x = values<T>(count, 1), dy = values<T>(count, 3);
  const std::vector<float> k = values(shared ? keys : samples * keys, 2);
  const std::vector<double> wx = widened(x), wk = widened(k), wdy = widened(dy);
  std::vector<double> ey(x.size()), edx(x.size()), edk(static_cast<std::size_t>(samples * keys));
  const tensor<T> on_x(x), on_dy(dy), y(count, T(9.0F)), dx(count, T(9.0F)), in_place(dy);
  const tensor<float> on_k(k), dk(samples * keys, 9.0F);
  kernels::forward(injector, samples, site, on_x.data(), {on_k.data(), stride}, y.data());
  plain::forward(injector, samples, site, wx.data(), {wk.data(), stride}, ey.data());
  CHECK(difference(y.host(), ey) < 1e-6);
  kernels::backward(injector, samples, site, on_x.data(), {on_k.data(), stride}, on_dy.data(), dx.data(),
                    dk.data());
  plain::backward(injector, samples, site, wx.data(), {wk.data(), stride}, wdy.data(), edx.data(),
                  edk.data());
  CHECK(difference(dx.host(), edx) < 1e-6);
  CHECK(difference(dk.host(), edk) < 2e-6 * std::sqrt(static_cast<double>(site.size() / keys)));
  kernels::backward(injector, samples, site, on_x.data(), {on_k.data(), stride}, in_place.data(),
                    in_place.data(), nullptr);
  CHECK(same_bits(in_place.host(), dx.host()));
}

}  // namespace

TEST_CASE_TEMPLATE("cuda inject: agrees with the reference", T, float, bf16) {
  for (const index_t samples : {1, 3, 17})
    for (const index_t d : {1, 5, 20, 64, 2056})
      for (const bool shared : {true, false}) {
        check_injection<T>(spankey::additive{0.7F}, samples, {d, 1}, shared);
        check_injection<T>(spankey::multiplicative{0.5F}, samples, {d, 1}, shared);  // never at a bound
        check_injection<T>(spankey::multiplicative{2.0F}, samples, {d, 1}, shared);  // often at both
        check_injection<T>(spankey::none{}, samples, {d, 1}, shared);
      }
}
TEST_CASE_TEMPLATE("cuda inject: a number a channel or a token", T, float, bf16) {
  for (const key_shape key : {key_shape::channel, key_shape::token})
    for (const bool shared : {true, false})
      for (const site_geometry& site : {site_geometry{3, 20, key}, {64, 5, key}, {1, 300, key}}) {
        check_injection<T>(spankey::additive{0.7F}, 3, site, shared);
        check_injection<T>(spankey::multiplicative{2.0F}, 3, site, shared);
        check_injection<T>(spankey::none{}, 3, site, shared);
      }
}
TEST_CASE_TEMPLATE("cuda inject: known shifts and factors", T, float, bf16) {
  using kernels = spankey::inject_kernels<cuda, T>;
  for (const index_t count : {1, 9, 64, 3000}) {
    const std::vector<T> a = values<T>(count, 1), b = values<T>(count, 2);
    const std::vector<float> factor = values(count, 3);
    std::vector<double> sum = widened(b), product = widened(a);
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] += widened(a)[i], product[i] *= static_cast<double>(factor[i]);
    const tensor<T> on_a(a), on_b(b);
    const tensor<float> on_f(factor);
    kernels::add(count, on_a.data(), on_b.data());
    CHECK(difference(on_b.host(), sum) < 1e-6);
    kernels::scale(count, on_f.data(), on_a.data());
    CHECK(difference(on_a.host(), product) < 1e-6);
  }
}
