// Pooling on the CPU, float and bf16: max equals reference<float> bit for bit (ties and NaN included), mean agrees
// with reference<double>; odd sizes, sizes without a window, windows 1 to 7 with strides and padding, every channel tail.
#include "spankey/backend/cpu/pool2d.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "agreement.hpp"
#include "spankey/backend/reference/pool2d.hpp"

namespace {

using namespace agreement;
using spankey::bf16;
using spankey::extents;
using spankey::pool2d_problem;
template <class T>
using kernels = spankey::pool2d_kernels<spankey::backend::cpu, T>;
using exact = spankey::pool2d_kernels<spankey::backend::reference, float>;
using reference = spankey::pool2d_kernels<spankey::backend::reference, double>;

template <class F>
void for_each_shape(F&& f) {
  for_each_isa([&] {
    for (const index_t samples : {0, 1, 3, 17})
      for (const index_t channels : {1, 3, 5, 16, 17, 64, 65})
        for (const extents& in :
             {extents{channels, 2, 2}, extents{channels, 5, 7}, extents{channels, 4, 6},
              extents{channels, 1, 3}, extents{channels, 7, 1}, extents{channels, 8, 8}}) {
          CAPTURE(samples);
          CAPTURE(in.channels);
          CAPTURE(in.height);
          CAPTURE(in.width);
          f(samples, in);
        }
  });
}

// Few different values, so that windows hold ties, and some NaN.
template <class T>
std::vector<T> coarse_values(index_t count) {
  std::vector<float> x = values(count, 1);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::round(x[i]);
    if (i % 23 == 7) x[i] = std::numeric_limits<float>::quiet_NaN();
  }
  return rounded<T>(x);
}

pool2d_problem halving(index_t samples, const extents& in) {
  return {samples, in, {in.channels, in.height / 2, in.width / 2}};
}

// Sums of gradients are those of the reference in float, in its order.
template <class T>
void check_max(const pool2d_problem& p) {
  CAPTURE(p.kernel);
  CAPTURE(p.stride);
  CAPTURE(p.padding);
  CAPTURE(p.in.channels);
  CAPTURE(p.in.height);
  CAPTURE(p.in.width);
  const std::vector<T> x = coarse_values<T>(p.samples * p.in.size()),
                       dy = values<T>(p.samples * p.out.size(), 2);
  std::vector<T> y(dy.size(), T(9.0F));
  std::vector<float> expected_y(dy.size());
  kernels<T>::max_forward(p, x.data(), y.data());
  exact::max_forward(p, floats(x).data(), expected_y.data());
  CHECK(same_bits(y, rounded<T>(expected_y)));
  std::vector<T> dx(x.size(), T(9.0F));
  std::vector<float> expected_dx(x.size());
  kernels<T>::max_backward(p, x.data(), dy.data(), dx.data());
  exact::max_backward(p, floats(x).data(), floats(dy).data(), expected_dx.data());
  CHECK(same_bits(dx, rounded<T>(expected_dx)));
}

}  // namespace

TEST_CASE_TEMPLATE("max pool: ties, NaN, odd sizes", T, float, bf16) {
  for_each_shape([](index_t samples, const extents& in) { check_max<T>(halving(samples, in)); });
}

TEST_CASE_TEMPLATE("max pool: windows 1 to 7, strides 1 to 4, padding", T, float, bf16) {
  constexpr index_t channels[] = {1, 3, 5, 16, 33, 65};
  std::size_t next = 0;
  for_each_isa([&] {
    for (index_t kernel = 1; kernel <= 7; ++kernel)
      for (index_t stride = 1; stride <= 4; ++stride)
        for (const index_t padding : {index_t{0}, kernel / 2})
          for (const extents& image : {extents{1, 1, 6}, extents{1, 9, 7}, extents{1, 4, 40}}) {
            const index_t c = channels[next++ % std::size(channels)];
            const auto reduced = [&](index_t size) {
              return size + 2 * padding < kernel ? 0 : (size + 2 * padding - kernel) / stride + 1;
            };
            check_max<T>({static_cast<index_t>(next % 3 + 1),
                          {c, image.height, image.width},
                          {c, reduced(image.height), reduced(image.width)},
                          kernel,
                          stride,
                          padding});
          }
    check_max<T>({2, {17, 5, 5}, {17, 3, 4}, 2, 2, 0});  // one row and two columns more than whole windows
    check_max<T>({0, {3, 5, 5}, {3, 3, 3}, 3, 2, 1});
  });
}

TEST_CASE_TEMPLATE("mean pool", T, float, bf16) {
  for_each_shape([](index_t samples, const extents& in) {
    const std::vector<T> x = values<T>(samples * in.size(), 1), dy = values<T>(samples * in.channels, 2);
    std::vector<T> y(dy.size(), T(9.0F)), dx(x.size(), T(9.0F));
    std::vector<double> expected_y(dy.size()), expected_dx(x.size());
    kernels<T>::mean_forward(samples, in, x.data(), y.data());
    reference::mean_forward(samples, in, widened(x).data(), expected_y.data());
    CHECK(difference(y, expected_y) < 1e-6);
    kernels<T>::mean_backward(samples, in, dy.data(), dx.data());
    reference::mean_backward(samples, in, widened(dy).data(), expected_dx.data());
    CHECK(difference(dx, expected_dx) < 1e-7);
  });
}

TEST_CASE("mean pool: a NaN stays a NaN") {
  for_each_isa([] {
    std::vector<bf16> x(4 * 17, bf16(1.0F)), y(17);
    x[2 * 17 + 5].bits = 0x7F81;
    kernels<bf16>::mean_forward(1, {17, 2, 2}, x.data(), y.data());
    CHECK(static_cast<float>(y[4]) == 1.0F);
    CHECK(std::isnan(static_cast<float>(y[5])));
  });
}

TEST_CASE_TEMPLATE("pooling: the same bits for any number of threads", T, float, bf16) {
  check_thread_independence([] {
    const extents in{17, 33, 31};
    const std::vector<T> x = values<T>(9 * in.size(), 1);
    std::vector<T> all(static_cast<std::size_t>(9 * 16 * 15 * 17 + 9 * 17));
    kernels<T>::max_forward(halving(9, in), x.data(), all.data());
    kernels<T>::mean_forward(9, in, x.data(), all.data() + 9 * 16 * 15 * 17);
    return floats(all);
  });
}

TEST_CASE_TEMPLATE("max pool: windows that overlap have the same bits for any number of threads", T, float,
                   bf16) {
  check_thread_independence([] {
    const pool2d_problem p{5, {17, 33, 31}, {17, 17, 16}, 3, 2, 1};
    const std::vector<T> x = values<T>(p.samples * p.in.size(), 1),
                         dy = values<T>(p.samples * p.out.size(), 2);
    std::vector<T> dx(x.size());
    kernels<T>::max_backward(p, x.data(), dy.data(), dx.data());
    return floats(dx);
  });
}
