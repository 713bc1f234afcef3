// Gated activations on the CPU agree with reference<double>: every activation, every tail of a row, many rows, NaN, any number of
// threads; float, bf16.
#include "spankey/backend/cpu/gated.hpp"

#include <doctest/doctest.h>

#include "agreement.hpp"
#include "spankey/backend/reference/gated.hpp"

namespace {
using namespace agreement;
using spankey::activation;
using spankey::bf16;
using spankey::gated_problem;
template <class T>
using kernels = spankey::gated_kernels<spankey::backend::cpu, T>;
using reference = spankey::gated_kernels<spankey::backend::reference, double>;

template <class T>
void check_agreement(activation act, const gated_problem& p) {
  CAPTURE(static_cast<int>(act));
  CAPTURE(p.rows);
  CAPTURE(p.channels);
  const std::vector<T> x = values<T>(p.rows * 2 * p.channels, 1, 0, 2),
                       dy = values<T>(p.rows * p.channels, 2);
  std::vector<T> y(dy.size(), T(9.0F)), dx(x.size(), T(9.0F));
  std::vector<double> ey(y.size()), edx(x.size());
  const std::vector<double> wx = widened(x), wdy = widened(dy);
  kernels<T>::forward(p, act, x.data(), y.data());
  reference::forward(p, act, wx.data(), ey.data());
  CHECK(difference(y, ey) < 4e-6);
  kernels<T>::backward(p, act, x.data(), dy.data(), dx.data());
  reference::backward(p, act, wx.data(), wdy.data(), edx.data());
  CHECK(difference(dx, edx) < 8e-6);
}
}  // namespace

TEST_CASE_TEMPLATE("gated: every activation and tail", T, float, bf16) {
  for_each_isa([] {
    for (const activation act :
         {activation::identity, activation::relu, activation::gelu, activation::gelu_tanh, activation::silu})
      for (const index_t channels : {1, 3, 16, 17, 64, 100})
        for (const index_t rows : {0, 1, 5}) check_agreement<T>(act, {rows, channels});
    check_agreement<T>(activation::silu, {70, 1536});
  });
}

TEST_CASE_TEMPLATE("gated: the same bits for any number of threads", T, float, bf16) {
  const gated_problem p{301, 77};
  const std::vector<T> x = values<T>(p.rows * 2 * p.channels, 1), dy = values<T>(p.rows * p.channels, 2);
  check_thread_independence([&] {
    std::vector<T> y(dy.size()), dx(x.size());
    kernels<T>::forward(p, activation::silu, x.data(), y.data());
    kernels<T>::backward(p, activation::silu, x.data(), dy.data(), dx.data());
    std::vector<float> all = floats(y);
    for (const T v : dx) all.push_back(static_cast<float>(v));
    return all;
  });
}
