// Convolutions on the device agree with reference<double>: the shapes of the models, awkward ones, few and many channels
// (own kernels and cuDNN's), bias, dx = and +=, gradients of weights added twice, packed weights; float and bf16.
#include "spankey/backend/cuda/conv2d.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/reference/conv2d.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::bf16;
using spankey::conv2d_problem;
template <class T>
using kernels = spankey::conv2d_kernels<spankey::backend::cuda, T>;
using reference = spankey::conv2d_kernels<spankey::backend::reference, double>;

conv2d_problem problem(index_t samples, spankey::extents in, index_t out, index_t kernel, index_t stride) {
  const index_t padding = kernel / 2;
  const auto reduced = [&](index_t extent) { return (extent + 2 * padding - kernel) / stride + 1; };
  return {samples, in, {out, reduced(in.height), reduced(in.width)}, kernel, stride, padding};
}

// What storing in T may cost beside the one rounding that difference() forgives: a sum or gradient rounded before the last
// addition.
template <class T>
constexpr double slack = std::is_same_v<T, bf16> ? 0x1p-7 : 0;

template <class T>
void check_agreement(const conv2d_problem& p, bool with_bias) {
  CAPTURE(p.samples);
  CAPTURE(p.in.channels);
  CAPTURE(p.in.height);
  CAPTURE(p.out.channels);
  CAPTURE(p.kernel);
  CAPTURE(p.stride);
  CAPTURE(p.padding);
  CAPTURE(p.groups);
  // Rounding of sums as long as these.
  const auto of_sum = [](index_t terms) {
    return 4e-7 * std::sqrt(static_cast<double>(std::max<index_t>(terms, 64)));
  };
  const double tolerance = of_sum(p.kernel * p.kernel * std::max(p.in.channels, p.out.channels));
  const double of_weights = 8 * of_sum(p.samples * p.out.height * p.out.width);
  const std::vector<T> x = values<T>(p.samples * p.in.size(), 1), dy = values<T>(p.samples * p.out.size(), 2),
                       dx = values<T>(p.samples * p.in.size(), 3);
  const std::vector<float> w = floats(values<T>(p.weight_size(), 4, 0, 0.2)),
                           bias = values(p.out.channels, 5);
  const std::vector<double> wide_w = widened(w), wide_b = widened(bias), wide_x = widened(x),
                            wide_dy = widened(dy);
  const tensor<T> on_x(x), on_dy(dy), y(p.samples * p.out.size(), T(9.0F)), on_dx(dx);
  const tensor<float> on_w(w), on_b(bias), scratch(kernels<T>::scratch_size(p), 9.0F),
      packed(kernels<T>::packed_size(p), 9.0F);
  const float* const b = with_bias ? on_b.data() : nullptr;

  std::vector<double> expected_y(dy.size()), expected_dx = widened(dx);
  reference::forward(p, wide_x.data(), wide_w.data(), with_bias ? wide_b.data() : nullptr, expected_y.data(),
                     nullptr);
  kernels<T>::forward(p, on_x.data(), on_w.data(), b, y.data(), scratch.data());
  const std::vector<T> found_y = y.host();
  CHECK(difference(found_y, expected_y) < tolerance + (with_bias ? slack<T> : 0));
  kernels<T>::pack(p, on_w.data(), packed.data());
  kernels<T>::forward_packed(p, on_x.data(), packed.data(), b, y.data(), scratch.data());
  CHECK(same_bits(y.host(), found_y));

  for (const bool accumulate : {true, false}) {
    kernels<T>::backward_data(p, on_dy.data(), on_w.data(), on_dx.data(), accumulate, scratch.data());
    reference::backward_data(p, wide_dy.data(), wide_w.data(), expected_dx.data(), accumulate, nullptr);
    CHECK(difference(on_dx.host(), expected_dx) < tolerance);
  }

  const tensor<float> dw(p.weight_size(), 0.5F), db(p.out.channels, 0.25F);
  std::vector<double> expected_dw(w.size(), 0.5), expected_db(bias.size(), 0.25);
  for (int run = 0; run < 2; ++run) {
    kernels<T>::backward_weights(p, on_x.data(), on_dy.data(), dw.data(), with_bias ? db.data() : nullptr,
                                 scratch.data());
    reference::backward_weights(p, wide_x.data(), wide_dy.data(), expected_dw.data(),
                                with_bias ? expected_db.data() : nullptr, nullptr);
    CHECK(difference(dw.host(), expected_dw) < of_weights + 2 * slack<T>);
    CHECK(difference(db.host(), expected_db) < of_weights);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("cuda conv2d: agrees with the reference", T, float, bf16) {
  for (const index_t samples : {1, 3, 17}) {
    check_agreement<T>(problem(samples, {3, 8, 8}, 16, 3, 1), false);  // a stem
    check_agreement<T>(problem(samples, {1, 9, 7}, 5, 3, 1), true);
    check_agreement<T>(problem(samples, {8, 6, 6}, 8, 3, 2), false);
    check_agreement<T>(problem(samples, {16, 5, 7}, 33, 3, 1), true);  // no algorithm in the emulation
    check_agreement<T>(problem(samples, {16, 5, 7}, 24, 3, 1), true);
    check_agreement<T>(problem(samples, {16, 4, 4}, 32, 1, 2), false);  // a downsample
    check_agreement<T>(problem(samples, {40, 2, 2}, 40, 3, 1), false);
  }
  check_agreement<T>(problem(2, {4, 7, 7}, 70, 3, 2), true);
  check_agreement<T>(problem(2, {2, 9, 9}, 3, 5, 2), false);
  check_agreement<T>(problem(60, {3, 8, 8}, 65, 3, 1), false);  // several chunks of pixels
}
// As large as the image divided by the stride, with padding (kernel - 1) / 2 above and left; or without padding.
conv2d_problem window(index_t channels, index_t kernel, index_t stride, bool filling, index_t groups = 1) {
  const auto reduced = [&](index_t extent) {
    return filling ? (extent + stride - 1) / stride : (extent - kernel) / stride + 1;
  };
  return {2,      {channels, 9, 8}, {2 * channels, reduced(9), reduced(8)},
          kernel, stride,           filling ? (kernel - 1) / 2 : 0,
          groups};
}
conv2d_problem problem_of_patches(index_t channels) { return {2, {channels, 16, 33}, {12, 1, 2}, 16, 16, 0}; }
TEST_CASE_TEMPLATE("cuda conv2d: windows 1 to 7, strides 1 to 4, groups", T, float, bf16) {
  for (index_t kernel = 1; kernel <= 7; ++kernel)
    for (const bool filling : {true, false}) {
      check_agreement<T>(window(4, kernel, kernel % 4 + 1, filling), true);
      check_agreement<T>(window(8, kernel, (kernel + 1) % 4 + 1, filling), false);  // cuDNN's
      check_agreement<T>(window(3, kernel, (kernel + 2) % 4 + 1, filling, 3), true);
    }
  check_agreement<T>(problem_of_patches(3), true);
  check_agreement<T>(problem_of_patches(8), false);
  check_agreement<T>(window(16, 4, 1, true, 2), true);  // groups of cuDNN's, with a padded copy
  check_agreement<T>(window(16, 3, 2, true, 2), false);
  conv2d_problem depthwise = window(65, 3, 1, true, 65), cut = window(8, 3, 1, true);
  depthwise.out.channels = 65;
  check_agreement<T>(depthwise, true);
  cut.out.height -= 2;  // outputs end sooner than the image
  check_agreement<T>(cut, true);
}
TEST_CASE("cuda conv2d: cuDNN serves what the models ask of it") {
  const std::string before = spankey::cuda::describe_device();
  check_agreement<float>(problem(2, {16, 8, 8}, 32, 3, 2), false);
  check_agreement<bf16>(problem(2, {16, 8, 8}, 32, 3, 2), false);
  check_agreement<bf16>(problem(2, {16, 8, 8}, 32, 1, 2), false);
  CHECK(spankey::cuda::describe_device() == before);  // which counts the shapes that it does not serve
}
TEST_CASE("cuda conv2d: TF32 where it is allowed, and algorithms that were timed") {
  const conv2d_problem p = problem(3, {16, 6, 6}, 16, 3, 1);
  spankey::cuda::measure_algorithms(true);
  check_agreement<float>(p, true);
  check_agreement<bf16>(p, false);
  spankey::cuda::measure_algorithms(false);
  spankey::cuda::use_tf32(true);
  const std::vector<float> x(static_cast<std::size_t>(p.samples * p.in.size()), 1.0F);
  const tensor<float> on_x(x), w(p.weight_size(), 0.5F), y(p.samples * p.out.size(), 9.0F),
      scratch(kernels<float>::scratch_size(p), 0.0F);
  kernels<float>::forward(p, on_x.data(), w.data(), nullptr, y.data(), scratch.data());
  spankey::cuda::use_tf32(false);
  CHECK(y.host()[static_cast<std::size_t>((p.out.width + 1) * p.out.channels)] ==
        72.0F);  // 9 taps of 16 channels
}
TEST_CASE_TEMPLATE("cuda conv2d: no samples, nothing done", T, float, bf16) {
  const conv2d_problem p = problem(0, {8, 4, 4}, 8, 3, 1);
  const tensor<float> w(p.weight_size(), 1.0F), scratch(kernels<T>::scratch_size(p), 0.0F),
      dw(p.weight_size(), 2.0F);
  kernels<T>::forward(p, nullptr, w.data(), nullptr, nullptr, scratch.data());
  kernels<T>::backward_data(p, nullptr, w.data(), nullptr, false, scratch.data());
  kernels<T>::backward_weights(p, nullptr, nullptr, dw.data(), nullptr, scratch.data());
  CHECK(dw.host() == std::vector<float>(static_cast<std::size_t>(p.weight_size()), 2.0F));
}
