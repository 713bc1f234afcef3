// Layer norm on the device agrees with reference<double>: channel tails, several chunks of rows, without gamma and beta, dx
// in place of dy, accumulation; float and bf16.
#include "spankey/backend/cuda/layer_norm.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/layer_norm.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::bf16;
using spankey::layer_norm_problem;
template <class T>
using kernels = spankey::layer_norm_kernels<spankey::backend::cuda, T>;
using reference = spankey::layer_norm_kernels<spankey::backend::reference, double>;

template <class T>
void check_agreement(const layer_norm_problem& p, bool trained) {
  CAPTURE(p.rows);
  CAPTURE(p.channels);
  CAPTURE(trained);
  const index_t size = p.rows * p.channels;
  const std::vector<T> x = values<T>(size, 1, 0.5, 1.5), dy = values<T>(size, 2);
  const std::vector<float> gamma = values(p.channels, 3, 1, 0.3), beta = values(p.channels, 4);
  const tensor<T> on_x(x), on_dy(dy), y(size, T(9.0F)), dx(size, T(9.0F));
  const tensor<float> on_gamma(gamma), on_beta(beta), mean(p.rows, 9.0F), rstd(p.rows, 9.0F), dgamma(gamma),
      dbeta(beta), scratch(kernels<T>::scratch_size(p), 9.0F);
  const std::vector<double> wx = widened(x), wdy = widened(dy), wg = widened(gamma), wb = widened(beta);
  std::vector<double> ey(x.size()), edx(x.size()), em(static_cast<std::size_t>(p.rows)), es = em, edg = wg,
                                                                                         edb = wb;
  kernels<T>::forward(p, {on_x.data(), trained ? on_gamma.data() : nullptr,
                          trained ? on_beta.data() : nullptr, y.data(), mean.data(), rstd.data()});
  reference::forward(p, {wx.data(), trained ? wg.data() : nullptr, trained ? wb.data() : nullptr, ey.data(),
                         em.data(), es.data()});
  double sharpness = 1.5;
  for (const double s : es) sharpness = std::max(sharpness, 1.5 * s);
  CHECK(difference(y.host(), ey) < 2e-6 * sharpness);
  for (int run = 0; run < 2; ++run) {
    kernels<T>::backward(p,
                         {on_x.data(), on_dy.data(), trained ? on_gamma.data() : nullptr, mean.data(),
                          rstd.data(), dgamma.data(), trained ? dbeta.data() : nullptr, dx.data()},
                         scratch.data());
    reference::backward(p,
                        {wx.data(), wdy.data(), trained ? wg.data() : nullptr, em.data(), es.data(),
                         edg.data(), trained ? edb.data() : nullptr, edx.data()},
                        nullptr);
    CHECK(difference(dgamma.host(), edg) < 1e-5 * sharpness);
    CHECK(difference(dbeta.host(), edb) < 1e-5);
    CHECK(difference(dx.host(), edx) < 4e-6 * sharpness * sharpness);
  }
  kernels<T>::backward(p,
                       {on_x.data(), on_dy.data(), trained ? on_gamma.data() : nullptr, mean.data(),
                        rstd.data(), nullptr, nullptr, on_dy.data()},
                       scratch.data());
  CHECK(same_bits(on_dy.host(), dx.host()));
}

}  // namespace

TEST_CASE_TEMPLATE("cuda layer_norm: agrees with the reference", T, float, bf16) {
  for (const bool trained : {true, false}) {
    for (const index_t channels : {3, 16, 33, 100})
      for (const index_t rows : {0, 1, 3, 17}) check_agreement<T>({rows, channels}, trained);
    check_agreement<T>({200, 8, 1e-3}, trained);                      // several chunks
    if (trained) check_agreement<T>({37, 40, 1e-5, false}, trained);  // without a mean
  }
}
