// Pooling on the device agrees with reference<double>: windows side by side and overlapping, padding, ties, NaN; float and
// bf16.
#include "spankey/backend/cuda/pool2d.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/pool2d.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::bf16;
using spankey::pool2d_problem;
using spankey::backend::cuda;
using spankey::backend::reference;

}  // namespace

TEST_CASE_TEMPLATE("cuda pool2d: agrees with the reference", T, float, bf16) {
  using plain = spankey::pool2d_kernels<reference, double>;
  using kernels = spankey::pool2d_kernels<cuda, T>;
  for (const index_t samples : {1, 3})
    for (const spankey::extents in : {spankey::extents{1, 2, 2}, {3, 5, 7}, {16, 14, 14}, {32, 3, 2}}) {
      CAPTURE(in.channels);
      const pool2d_problem halving{samples, in, {in.channels, in.height / 2, in.width / 2}};
      const index_t count = samples * in.size(),
                    pooled = samples * in.channels * (in.height / 2) * (in.width / 2);
      std::vector<T> x = values<T>(count, 1);
      x.back() = T(std::numeric_limits<float>::quiet_NaN());
      for (std::size_t i = 0; i + 1 < x.size() && in.height == 14; ++i)
        x[i] = T(i % 5 == 0 ? 1.0F : 0.0F);  // ties
      const std::vector<T> dy = values<T>(pooled, 2), mean_dy = values<T>(samples * in.channels, 3);
      const std::vector<double> wx = widened(x), wdy = widened(dy), wm = widened(mean_dy);
      const tensor<T> on_x(x), on_dy(dy), on_m(mean_dy), y(pooled, T(9.0F)),
          mean(samples * in.channels, T(9.0F)), dx(count, T(9.0F));
      std::vector<double> ey(dy.size()), em(mean_dy.size()), edx(x.size());
      kernels::max_forward(halving, on_x.data(), y.data());
      plain::max_forward(halving, wx.data(), ey.data());
      CHECK(difference(y.host(), ey) == 0);
      kernels::max_backward(halving, on_x.data(), on_dy.data(), dx.data());
      plain::max_backward(halving, wx.data(), wdy.data(), edx.data());
      CHECK(difference(dx.host(), edx) == 0);
      kernels::mean_forward(samples, in, on_x.data(), mean.data());
      plain::mean_forward(samples, in, wx.data(), em.data());
      CHECK(difference(mean.host(), em) < 1e-6);
      kernels::mean_backward(samples, in, on_m.data(), dx.data());
      plain::mean_backward(samples, in, wm.data(), edx.data());
      CHECK(difference(dx.host(), edx) < 1e-6);
    }
}

TEST_CASE_TEMPLATE("cuda pool2d: any window, stride and padding", T, float, bf16) {
  using plain = spankey::pool2d_kernels<reference, double>;
  using kernels = spankey::pool2d_kernels<cuda, T>;
  for (const pool2d_problem& p : {pool2d_problem{2, {5, 7, 8}, {5, 4, 4}, 3, 2, 1},
                                  {3, {3, 6, 5}, {3, 6, 5}, 3, 1, 1},
                                  {1, {17, 9, 9}, {17, 2, 2}, 4, 4, 0},
                                  {2, {1, 1, 6}, {1, 1, 3}, 7, 2, 3},
                                  {1, {2, 5, 5}, {2, 3, 4}, 2, 2, 0},  // windows beyond the image
                                  {1, {4, 5, 5}, {4, 0, 0}, 6, 1, 0}}) {
    CAPTURE(p.kernel);
    CAPTURE(p.stride);
    const index_t count = p.samples * p.in.size(), pooled = p.samples * p.out.size();
    std::vector<T> x = values<T>(count, 1);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = T(std::round(static_cast<float>(x[i])));  // ties
    x.back() = T(std::numeric_limits<float>::quiet_NaN());
    const std::vector<T> dy = values<T>(pooled, 2);
    const std::vector<double> wx = widened(x), wdy = widened(dy);
    const tensor<T> on_x(x), on_dy(dy), y(pooled, T(9.0F)), dx(count, T(9.0F));
    std::vector<double> ey(dy.size()), edx(x.size());
    kernels::max_forward(p, on_x.data(), y.data());
    plain::max_forward(p, wx.data(), ey.data());
    CHECK(difference(y.host(), ey) == 0);
    kernels::max_backward(p, on_x.data(), on_dy.data(), dx.data());
    plain::max_backward(p, wx.data(), wdy.data(), edx.data());
    CHECK(difference(dx.host(), edx) < 1e-6);
  }
}
