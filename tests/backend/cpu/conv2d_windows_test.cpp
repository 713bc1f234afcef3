// The cpu convolution agrees with the reference for every window from 1 to 7 and every stride from 1 to 4, as large as the
// image or without padding, for patches up to 16, with images that are smaller than the window; nothing is done where
// nothing is asked for.
#include <doctest/doctest.h>

#include "agreement.hpp"
#include "conv2d_cases.hpp"

namespace {

using namespace conv2d_cases;

struct image {
  index_t samples, in, out, height, width;
};
constexpr image images[] = {{1, 1, 3, 13, 7}, {3, 5, 33, 5, 1},   {17, 3, 5, 4, 9},
                            {1, 33, 1, 1, 6}, {17, 17, 33, 3, 8}, {16, 32, 32, 6, 4}};

// As large as the image, divided by the stride: an even window reaches one further at the bottom and right.
conv2d_problem filling(const image& i, index_t kernel, index_t stride) {
  const auto reduced = [&](index_t extent) { return (extent + stride - 1) / stride; };
  return {i.samples, {i.in, i.height, i.width}, {i.out, reduced(i.height), reduced(i.width)}, kernel,
          stride,    (kernel - 1) / 2};
}
conv2d_problem inside(const image& i, index_t kernel, index_t stride) {
  const auto reduced = [&](index_t extent) { return extent < kernel ? 0 : (extent - kernel) / stride + 1; };
  return {i.samples, {i.in, i.height, i.width}, {i.out, reduced(i.height), reduced(i.width)}, kernel, stride,
          0};
}

}  // namespace

TEST_CASE_TEMPLATE("cpu convolution: windows 1 to 7, strides 1 to 4", T, float, bf16) {
  std::size_t next = 0;
  for (index_t kernel = 1; kernel <= 7; ++kernel)
    for (index_t stride = 1; stride <= 4; ++stride)
      for (int i = 0; i < 3; ++i) {
        const image& of = images[next++ % std::size(images)];
        for (const conv2d_problem& p : {filling(of, kernel, stride), inside(of, kernel, stride)})
          check_agreement<T>(p, [](const auto& check) { agreement::for_each_isa(check); });
      }
}

TEST_CASE_TEMPLATE("cpu convolution: patches up to 16 x 16, rows and columns left over or not", T, float,
                   bf16) {
  for (const index_t patch : {4, 8, 13, 16})
    for (const image& of : {image{1, 3, 33, 2 * patch, patch}, image{17, 3, 16, patch, 2 * patch + 1},
                            image{2, 20, 5, patch + 3, patch}})
      check_agreement<T>(inside(of, patch, patch), [](const auto& check) { agreement::for_each_isa(check); });
}

TEST_CASE_TEMPLATE("cpu convolution: outputs that end sooner than the image", T, float, bf16) {
  for (conv2d_problem p : {same(16, 32, 32, 8, 8, 3, 1), same(2, 3, 5, 9, 7, 5, 2)}) {
    p.out.height -= 2;
    p.out.width -= 1;
    check_agreement<T>(p, [](const auto& check) { agreement::for_each_isa(check); });
  }
}

TEST_CASE_TEMPLATE("cpu convolution: without samples or outputs nothing is done", T, float, bf16) {
  for (const index_t groups : {1, 2, 4})
    for (const bool no_samples : {true, false}) {
      conv2d_problem p = same(no_samples ? 0 : 2, 4, 4, 3, 3, 3, 1);
      p.groups = groups;
      if (!no_samples) p.out.height = 0;
      agreement::for_each_isa([&] {
        operands<T> o(p);
        const std::vector<T> dx = o.dx;
        const std::vector<float> dw = o.dw, dbias = o.dbias;
        o.forward(true);
        o.backward_data(true);
        o.backward_weights(true);
        CHECK(same_bits(o.dx, dx));
        CHECK(same_bits(o.dw, dw));
        CHECK(same_bits(o.dbias, dbias));
        o.backward_data(false);
        CHECK(o.dx == std::vector<T>(dx.size(), T(0.0F)));
        CHECK(o.scratch_respected());
      });
    }
}
