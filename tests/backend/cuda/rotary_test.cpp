// Rotary positions and gated activations on the device, and columns of a matrix, agree with reference<double>; float and bf16.
#include "spankey/backend/cuda/rotary.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/cuda/elementwise.hpp"
#include "spankey/backend/cuda/gated.hpp"
#include "spankey/backend/reference/gated.hpp"
#include "spankey/backend/reference/rotary.hpp"

namespace {
using namespace agreement;
using device::tensor;
using spankey::activation;
using spankey::bf16;
using spankey::gated_problem;
using spankey::rotary_problem;
using spankey::backend::cuda;
using spankey::backend::reference;
}  // namespace

TEST_CASE_TEMPLATE("cuda rotary: agrees with the reference, in place too", T, float, bf16) {
  using exact = spankey::rotary_kernels<reference, double>;
  for (const rotary_problem& p :
       {rotary_problem{2, 7, 8, 1, 8}, rotary_problem{2, 5, 37, 4, 6},
        rotary_problem{1, 33, 96, 4, 16, 1e5, 7000}, rotary_problem{0, 7, 8, 1, 8}}) {
    const std::vector<T> x = values<T>(p.samples * p.tokens * p.channels, 1);
    const std::vector<double> wx = widened(x);
    std::vector<double> ey(x.size()), table(static_cast<std::size_t>(p.table_size()));
    const tensor<T> on_x(x), y(static_cast<index_t>(x.size()), T(9.0F));
    spankey::rotary_kernels<cuda, T>::forward(p, on_x.data(), y.data(), nullptr);
    exact::forward(p, wx.data(), ey.data(), table.data());
    CHECK(difference(y.host(), ey) < 1e-6);
    spankey::rotary_kernels<cuda, T>::backward(p, on_x.data(), on_x.data(), nullptr);
    exact::backward(p, wx.data(), ey.data(), table.data());
    CHECK(difference(on_x.host(), ey) < 1e-6);
  }
}

TEST_CASE_TEMPLATE("cuda gated: agrees with the reference", T, float, bf16) {
  using exact = spankey::gated_kernels<reference, double>;
  for (const activation act :
       {activation::identity, activation::relu, activation::gelu, activation::gelu_tanh, activation::silu})
    for (const gated_problem& p : {gated_problem{0, 4}, gated_problem{3, 7}, gated_problem{20, 64}}) {
      const std::vector<T> x = values<T>(p.rows * 2 * p.channels, 1), dy = values<T>(p.rows * p.channels, 2);
      const std::vector<double> wx = widened(x), wdy = widened(dy);
      std::vector<double> ey(dy.size()), edx(x.size());
      const tensor<T> on_x(x), on_dy(dy), y(p.rows * p.channels, T(9.0F)),
          dx(p.rows * 2 * p.channels, T(9.0F));
      spankey::gated_kernels<cuda, T>::forward(p, act, on_x.data(), y.data());
      exact::forward(p, act, wx.data(), ey.data());
      CHECK(difference(y.host(), ey) < 2e-6);
      spankey::gated_kernels<cuda, T>::backward(p, act, on_x.data(), on_dy.data(), dx.data());
      exact::backward(p, act, wx.data(), wdy.data(), edx.data());
      CHECK(difference(dx.host(), edx) < 4e-6);
    }
}

TEST_CASE_TEMPLATE("cuda elementwise: columns go where they are to", T, float, bf16) {
  const std::vector<T> from = values<T>(5 * 7, 1);
  const tensor<T> on_from(from), to(5 * 6, T(9.0F));
  spankey::elementwise_kernels<cuda, T>::copy_columns(5, 3, on_from.data() + 2, 7, to.data() + 1, 6);
  std::vector<float> expected(30, 9.0F);
  for (std::size_t r = 0; r < 5; ++r)
    for (std::size_t c = 0; c < 3; ++c) expected[r * 6 + 1 + c] = static_cast<float>(from[r * 7 + 2 + c]);
  CHECK(floats(to.host()) == expected);
}
