// Activations on the device agree with reference<double>: sizes with and without whole packs, memory that starts between
// packs, in place, NaN; float and bf16.
#include "spankey/backend/cuda/activation.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/activation.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::activation;
using spankey::bf16;
using spankey::backend::cuda;
using spankey::backend::reference;

}  // namespace

TEST_CASE_TEMPLATE("cuda relu: agrees with the reference, also from between two packs", T, float, bf16) {
  for (const index_t count : {0, 1, 7, 16, 1000, 4104})
    for (const index_t skipped : {0, 1}) {
      if (count < skipped) continue;
      CAPTURE(count);
      std::vector<T> x = values<T>(count, 1);
      if (count > 6) x[6] = T(std::numeric_limits<float>::quiet_NaN());
      const std::vector<T> dy = values<T>(count, 2);
      std::vector<double> ey(x.size()), edx(x.size());
      const std::vector<double> wx = widened(x), wdy = widened(dy);
      spankey::activation_kernels<reference, double>::forward(activation::relu, count, wx.data(), ey.data());
      spankey::activation_kernels<reference, double>::backward(activation::relu, count, nullptr, ey.data(),
                                                               wdy.data(), edx.data());
      const tensor<T> on_x(x), y(x), on_dy(dy);
      for (index_t i = 0; i < skipped; ++i) ey[0] = wx[0], edx[0] = wdy[0];
      spankey::activation_kernels<cuda, T>::forward(activation::relu, count - skipped, on_x.data() + skipped,
                                                    y.data() + skipped);
      CHECK(difference(y.host(), ey) == 0);
      spankey::activation_kernels<cuda, T>::backward(activation::relu, count - skipped, nullptr,
                                                     y.data() + skipped, on_dy.data() + skipped,
                                                     on_dy.data() + skipped);
      CHECK(difference(on_dy.host(), edx) == 0);
    }
}

TEST_CASE_TEMPLATE("cuda activations: agree with the reference", T, float, bf16) {
  using kernels = spankey::activation_kernels<cuda, T>;
  using plain = spankey::activation_kernels<reference, double>;
  for (const activation act :
       {activation::identity, activation::gelu, activation::gelu_tanh, activation::silu})
    for (const index_t count : {1, 7, 1000, 4104}) {
      CAPTURE(static_cast<int>(act));
      CAPTURE(count);
      std::vector<T> x = values<T>(count, 1, 0, 3);
      if (count > 6) x[6] = T(std::numeric_limits<float>::quiet_NaN());
      const std::vector<T> dy = values<T>(count, 2);
      const std::vector<double> wx = widened(x), wdy = widened(dy);
      std::vector<double> ey(x.size()), edx(x.size());
      plain::forward(act, count, wx.data(), ey.data());
      plain::backward(act, count, wx.data(), nullptr, wdy.data(), edx.data());
      const tensor<T> on_x(x), on_dy(dy), y(count, T(9.0F));
      kernels::forward(act, count, on_x.data(), y.data());
      CHECK(difference(y.host(), ey) < 1e-6);
      kernels::backward(act, count, on_x.data(), nullptr, on_dy.data(), y.data());
      CHECK(difference(y.host(), edx) < 2e-6);
      kernels::backward(act, count, on_x.data(), nullptr, on_dy.data(), on_dy.data());
      CHECK(same_bits(on_dy.host(), y.host()));
    }
}
