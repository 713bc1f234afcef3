// Attention on the device agrees with reference<double>: tails of tokens and channels, causal or not; float and bf16.
#include "spankey/backend/cuda/attention.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/attention.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::attention_problem;
using spankey::bf16;
template <class T>
using kernels = spankey::attention_kernels<spankey::backend::cuda, T>;
using reference = spankey::attention_kernels<spankey::backend::reference, double>;

template <class T>
void check_agreement(const attention_problem& p) {
  CAPTURE(p.samples);
  CAPTURE(p.tokens);
  CAPTURE(p.heads);
  CAPTURE(p.size);
  CAPTURE(p.causal);
  CAPTURE(p.kv_heads);
  const index_t size = p.samples * p.tokens * p.channels(), width = p.samples * p.tokens * p.width();
  const std::vector<T> x = values<T>(width, 1), dy = values<T>(size, 2);
  const tensor<T> on_x(x), on_dy(dy), y(size, T(9.0F)), dx(width, T(9.0F));
  const tensor<float> lse(p.rows(), 9.0F), scratch(kernels<T>::scratch_size(p), 9.0F);
  const std::vector<double> wx = widened(x), wdy = widened(dy);
  std::vector<double> ey(dy.size()), el(static_cast<std::size_t>(p.rows())), edx(x.size());
  kernels<T>::forward(p, {on_x.data(), y.data(), lse.data()}, scratch.data());
  reference::forward(p, {wx.data(), ey.data(), el.data()}, nullptr);
  CHECK(difference(lse.host(), el) < 2e-6);
  CHECK(difference(y.host(), ey) < 4e-6);
  const std::vector<double> wy = widened(y.host());
  kernels<T>::backward(p, {on_x.data(), y.data(), on_dy.data(), lse.data(), dx.data()}, scratch.data());
  reference::backward(p, {wx.data(), wy.data(), wdy.data(), el.data(), edx.data()}, nullptr);
  CHECK(difference(dx.host(), edx) < 4e-5);
}

}  // namespace

TEST_CASE_TEMPLATE("cuda attention: agrees with the reference", T, float, bf16) {
  for (const bool causal : {false, true}) {
    check_agreement<T>({0, 5, 2, 8, causal});
    for (const index_t tokens : {1, 5, 33})
      for (const index_t size : {3, 20}) check_agreement<T>({2, tokens, 3, size, causal});
    for (const index_t kv_heads : {1, 2, 3}) check_agreement<T>({2, 37, 6, 10, causal, kv_heads});
    check_agreement<T>({1, 40, 1, 130, causal});  // more channels than are summed at once
  }
}
