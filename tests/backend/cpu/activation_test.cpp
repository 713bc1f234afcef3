// Activations on the CPU: ReLU and the identity equal the reference bit for bit, the others are as close as their header
// says, over the whole range of floats; lengths around the vector width, in place, NaN; float and bf16.
#include "spankey/backend/cpu/activation.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "agreement.hpp"
#include "spankey/backend/reference/activation.hpp"

namespace {
using namespace agreement;
using spankey::activation;
using spankey::bf16;
template <class T>
using kernels = spankey::activation_kernels<spankey::backend::cpu, T>;
using reference = spankey::activation_kernels<spankey::backend::reference, float>;
using exact = spankey::activation_kernels<spankey::backend::reference, double>;

constexpr activation smooth[] = {activation::gelu, activation::gelu_tanh, activation::silu};

// What activations meet, and all magnitudes: from -20 to 20 in small steps, then powers of two.
std::vector<float> points() {
  std::vector<float> x{0.0F, -0.0F};
  for (int i = -40000; i <= 40000; ++i) x.push_back(static_cast<float>(i) * 5.003e-4F);
  for (int e = -126; e < 127; ++e)
    for (const float sign : {1.0F, -1.0F}) x.push_back(std::ldexp(sign, e));
  return x;
}
}  // namespace

TEST_CASE_TEMPLATE("relu: every length, in place and not", T, float, bf16) {
  for_each_isa([] {
    for (const index_t count : {0, 1, 3, 5, 16, 17, 64, 65, 1000, 40001}) {
      CAPTURE(count);
      std::vector<T> x = values<T>(count, 1);
      if (count > 0) x[0] = T(-0.0F);
      if (count > 2) x[static_cast<std::size_t>(count / 2)] = T(std::numeric_limits<float>::quiet_NaN());
      const std::vector<T> dy = values<T>(count, 2);
      std::vector<float> exact(x.size());
      std::vector<T> found(x.size(), T(9.0F));
      reference::forward(activation::relu, count, floats(x).data(), exact.data());
      const std::vector<T> y = rounded<T>(exact);
      kernels<T>::forward(activation::relu, count, x.data(), found.data());
      CHECK(same_bits(found, y));
      std::vector<T> in_place = x;
      kernels<T>::forward(activation::relu, count, in_place.data(), in_place.data());
      CHECK(same_bits(in_place, y));

      reference::backward(activation::relu, count, nullptr, floats(y).data(), floats(dy).data(),
                          exact.data());
      const std::vector<T> dx = rounded<T>(exact);
      kernels<T>::backward(activation::relu, count, nullptr, y.data(), dy.data(), found.data());
      CHECK(same_bits(found, dx));
      in_place = dy;
      kernels<T>::backward(activation::relu, count, nullptr, y.data(), in_place.data(), in_place.data());
      CHECK(same_bits(in_place, dx));
    }
  });
}

TEST_CASE("relu: every bf16 is read and written as it is, but for the quiet bit of a NaN") {
  for_each_isa([] {
    std::vector<bf16> x(0x10000), y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i].bits = static_cast<std::uint16_t>(i);
    kernels<bf16>::forward(activation::relu, 0x10000, x.data(), y.data());
    int wrong = 0;
    for (std::uint32_t i = 0; i < 0x10000; ++i) {
      const std::uint32_t magnitude = i & 0x7FFFU;
      const bool negative = i > 0x8000U && magnitude <= 0x7F80U;  // -0 and a NaN pass
      wrong += y[i].bits != (magnitude > 0x7F80U ? i | 0x40U : negative ? 0U : i);
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE_TEMPLATE("relu: nothing beyond the last element is touched", T, float, bf16) {
  for_each_isa([] {
    std::vector<T> y(40, T(7.0F));
    const std::vector<T> x(40, T(1.0F));
    kernels<T>::forward(activation::relu, 37, x.data(), y.data());
    CHECK(static_cast<float>(y[36]) == 1.0F);
    CHECK(static_cast<float>(y[37]) == 7.0F);
    CHECK(static_cast<float>(y[39]) == 7.0F);
  });
}

TEST_CASE_TEMPLATE("gelu, silu: as close to exact values as is said", T, float, bf16) {
  const std::vector<T> x = rounded<T>(points());
  const index_t count = static_cast<index_t>(x.size());
  const std::vector<double> wide = widened(x);
  const std::vector<T> one(x.size(), T(1.0F));
  const std::vector<double> wide_one(x.size(), 1.0);
  for (const activation act : smooth) {
    CAPTURE(static_cast<int>(act));
    std::vector<double> y(x.size()), dx(x.size());
    exact::forward(act, count, wide.data(), y.data());
    exact::backward(act, count, wide.data(), nullptr, wide_one.data(), dx.data());
    for_each_isa([&] {
      std::vector<T> found(x.size(), T(9.0F)), found_dx(x.size(), T(9.0F));
      kernels<T>::forward(act, count, x.data(), found.data());
      kernels<T>::backward(act, count, x.data(), nullptr, one.data(), found_dx.data());
      CHECK(difference(found, y) < 1e-6);
      double worst = 0, worst_dx = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::abs(y[i]) > 1e-30) worst = std::max(worst, distance(found[i], y[i]) / std::abs(y[i]));
        // From 1e18 on the formula of gelu_tanh is infinity times 0.
        if (std::abs(wide[i]) < 1e18)
          worst_dx = std::max(worst_dx, distance(found_dx[i], dx[i]) / (1 + std::abs(dx[i])));
      }
      if (act != activation::gelu_tanh) CHECK(worst < 1e-6);
      CHECK(worst_dx < 1e-6);
    });
  }
}

TEST_CASE_TEMPLATE("gelu, silu: every length, in place, NaN, nothing beyond the end", T, float, bf16) {
  for_each_isa([] {
    for (const activation act : smooth)
      for (const index_t count : {0, 1, 3, 17, 64, 40001}) {
        std::vector<T> x = values<T>(count + 1, 1), y(x.size(), T(9.0F)), dx = y;
        if (count > 2) x[static_cast<std::size_t>(count / 2)] = T(std::numeric_limits<float>::quiet_NaN());
        const std::vector<T> dy = values<T>(count + 1, 2);
        kernels<T>::forward(act, count, x.data(), y.data());
        kernels<T>::backward(act, count, x.data(), nullptr, dy.data(), dx.data());
        if (count > 2) {
          CHECK(std::isnan(static_cast<float>(y[static_cast<std::size_t>(count / 2)])));
          CHECK(std::isnan(static_cast<float>(dx[static_cast<std::size_t>(count / 2)])));
        }
        CHECK(static_cast<float>(y.back()) == 9.0F);
        CHECK(static_cast<float>(dx.back()) == 9.0F);
        std::vector<double> wide(x.size()), wide_dx(x.size());
        exact::forward(act, count, widened(x).data(), wide.data());
        exact::backward(act, count, widened(x).data(), nullptr, widened(dy).data(), wide_dx.data());
        wide.back() = wide_dx.back() = 9;
        CHECK(difference(y, wide) < 1e-6);
        CHECK(difference(dx, wide_dx) < 3e-6);
        std::vector<T> in_place = dy;
        kernels<T>::backward(act, count, x.data(), nullptr, in_place.data(), in_place.data());
        in_place.back() = dx.back();
        CHECK(same_bits(in_place, dx));
        in_place = x;
        kernels<T>::forward(act, count, in_place.data(), in_place.data());
        in_place.back() = y.back();
        CHECK(same_bits(in_place, y));
      }
  });
}

TEST_CASE_TEMPLATE("identity: a copy, or nothing", T, float, bf16) {
  const std::vector<T> x = values<T>(1000, 1);
  std::vector<T> y(x.size()), dx(x.size());
  kernels<T>::forward(activation::identity, 1000, x.data(), y.data());
  kernels<T>::backward(activation::identity, 1000, nullptr, nullptr, x.data(), dx.data());
  CHECK(same_bits(y, x));
  CHECK(same_bits(dx, x));
  kernels<T>::forward(activation::identity, 1000, y.data(), y.data());
  CHECK(same_bits(y, x));
}

TEST_CASE_TEMPLATE("activations: the same bits for any number of threads", T, float, bf16) {
  const std::vector<T> x = values<T>(70001, 1), dy = values<T>(70001, 2);
  for (const activation act : smooth)
    check_thread_independence([&] {
      std::vector<T> y(x.size());
      kernels<T>::forward(act, 70001, x.data(), y.data());
      kernels<T>::backward(act, 70001, y.data(), nullptr, dy.data(), y.data());
      return floats(y);
    });
}
