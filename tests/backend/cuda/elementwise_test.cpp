// Sums and dropout on the device equal the reference: sizes with and without whole packs, in place, every first number, a
// recorded step; float and bf16.
#include "spankey/backend/cuda/elementwise.hpp"

#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/backend/cuda/dropout.hpp"
#include "spankey/backend/reference/dropout.hpp"
#include "spankey/backend/reference/elementwise.hpp"

namespace {

using namespace agreement;
using device::tensor;
using spankey::bf16;
using spankey::dropout_problem;
using spankey::backend::cuda;
using spankey::backend::reference;

}  // namespace

TEST_CASE_TEMPLATE("cuda sums: agree with the reference", T, float, bf16) {
  for (const index_t count : {0, 1, 9, 64, 3000}) {
    const std::vector<T> a = values<T>(count, 1), b = values<T>(count, 2);
    std::vector<float> exact(a.size());
    spankey::elementwise_kernels<reference, float>::sum(count, floats(a).data(), floats(b).data(),
                                                        exact.data());
    const tensor<T> on_a(a), on_b(b), y(count, T(9.0F));
    spankey::elementwise_kernels<cuda, T>::sum(count, on_a.data(), on_b.data(), y.data());
    CHECK(same_bits(y.host(), rounded<T>(exact)));
    spankey::elementwise_kernels<cuda, T>::add(count, on_a.data(), on_b.data());
    CHECK(same_bits(on_b.host(), rounded<T>(exact)));
  }
}

TEST_CASE_TEMPLATE("cuda dropout: the bits of the reference", T, float, bf16) {
  for (const index_t count : {0, 1, 3, 1030})
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{3}, (std::uint64_t{5} << 40) + 2})
      for (const double probability : {0.0, 0.1, 1.0}) {
        const dropout_problem p{probability, 11, 12, first};
        const std::vector<T> x = values<T>(count, 1);
        std::vector<float> expected(x.size());
        spankey::dropout_kernels<reference, float>::forward(p, count, floats(x).data(), expected.data());
        const tensor<T> on_x(x), y(count, T(9.0F));
        spankey::dropout_kernels<cuda, T>::forward(p, count, on_x.data(), y.data());
        CHECK(same_bits(y.host(), rounded<T>(expected)));
        spankey::dropout_kernels<cuda, T>::backward(p, count, on_x.data(), on_x.data());
        CHECK(same_bits(on_x.host(), rounded<T>(expected)));
      }
}
TEST_CASE("cuda dropout: a recorded step reads its number in device memory") {
  const index_t count = 500;
  const std::vector<float> x(static_cast<std::size_t>(count), 1.0F);
  const tensor<float> on_x(x), y(count, 9.0F);
  spankey::cuda::recorded_step step;
  step.begin();
  {
    const spankey::cuda::reading_step_values reading;
    spankey::dropout_kernels<cuda, float>::forward({0.5, 3}, count, on_x.data(), y.data());
  }
  step.end();
  for (const std::uint64_t number : {4, 5}) {
    spankey::cuda::step_values values;
    values.random_step = number;
    spankey::cuda::set_step_values(values);
    step.run();
    std::vector<float> expected(x.size());
    spankey::dropout_kernels<reference, float>::forward({0.5, 3, number}, count, x.data(), expected.data());
    CHECK(y.host() == expected);
  }
}
