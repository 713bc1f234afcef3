// The linear map on the device agrees with reference<double>: awkward shapes, no bias, += twice; float, bf16, and bf16
// with logits and their gradients in float.
#include "spankey/backend/cuda/linear.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/linear.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::bf16;
using spankey::linear_problem;
template <class T>
using kernels = spankey::linear_kernels<spankey::backend::cuda, T>;
using reference = spankey::linear_kernels<spankey::backend::reference, double>;

template <class T, class Y>
void check_agreement(const linear_problem& p, bool with_bias) {
  CAPTURE(p.samples);
  CAPTURE(p.in);
  CAPTURE(p.out);
  const std::vector<T> x = values<T>(p.samples * p.in, 1);
  const std::vector<float> w = floats(values<T>(p.in * p.out, 2, 0, 0.2)), b = values(p.out, 3);
  // Gradients that T holds: what is rounded before it is multiplied is then the same.
  const std::vector<Y> dy = rounded<Y>(floats(values<T>(p.samples * p.out, 4)));
  const std::vector<double> wx = widened(x), ww = widened(w), wb = widened(b), wdy = widened(dy);
  std::vector<double> ey(dy.size()), edx(x.size()), edw(w.size(), 0.5), edb(b.size(), 0.25);
  const tensor<T> on_x(x), dx(p.samples * p.in, T(9.0F));
  const tensor<Y> on_dy(dy), y(p.samples * p.out, Y(9.0F));
  const tensor<float> on_w(w), on_b(b), dw(p.in * p.out, 0.5F), db(p.out, 0.25F),
      scratch(kernels<T>::scratch_size(p), 9.0F);
  kernels<T>::forward(p, on_x.data(), on_w.data(), with_bias ? on_b.data() : nullptr, y.data(),
                      scratch.data());
  reference::forward(p, wx.data(), ww.data(), with_bias ? wb.data() : nullptr, ey.data(), nullptr);
  CHECK(difference(y.host(), ey) < 2e-6);
  kernels<T>::backward_data(p, on_dy.data(), on_w.data(), dx.data(), scratch.data());
  reference::backward_data(p, wdy.data(), ww.data(), edx.data(), nullptr);
  CHECK(difference(dx.host(), edx) < 2e-6);
  for (int run = 0; run < 2; ++run) {
    kernels<T>::backward_weights(p, on_x.data(), on_dy.data(), dw.data(), with_bias ? db.data() : nullptr,
                                 scratch.data());
    reference::backward_weights(p, wx.data(), wdy.data(), edw.data(), with_bias ? edb.data() : nullptr,
                                nullptr);
    CHECK(difference(dw.host(), edw) < 5e-6);
    CHECK(difference(db.host(), edb) < 5e-6);
  }
}

}  // namespace

TEST_CASE("cuda linear: agrees with the reference") {
  for (const index_t samples : {1, 3, 17})
    for (const index_t in : {1, 5, 64, 65})
      for (const index_t out : {1, 3, 10, 17})
        for (const bool with_bias : {true, false}) {
          check_agreement<float, float>({samples, in, out}, with_bias);
          check_agreement<bf16, bf16>({samples, in, out}, with_bias);
          check_agreement<bf16, float>({samples, in, out}, with_bias);
        }
}
TEST_CASE(
    "cuda linear: gradients of logits are rounded before they are multiplied, not before they are summed") {
  const linear_problem p{1, 1, 1};
  const float fine = 1 + 0x1p-12F;  // 1 in bf16
  const tensor<bf16> x(1, bf16(1.0F)), dx(1, bf16(0.0F));
  const tensor<float> w(1, 1.0F), dy(1, fine), dw(1, 0.0F), db(1, 0.0F),
      scratch(kernels<bf16>::scratch_size(p), 0.0F);
  kernels<bf16>::backward_weights(p, x.data(), dy.data(), dw.data(), db.data(), scratch.data());
  CHECK(dw.host()[0] == 1.0F);
  CHECK(db.host()[0] == fine);
}
