#include "spankey/lock/session_rotation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::check_refused;

namespace {

session_rotation rotation_of(index_t channels, int reflections, std::string_view role = "0") {
  const master_key key;  // of zeros
  key_stream numbers(derive(key, {"kotg", role}));
  return {channels, reflections, numbers};
}
template <class T>
std::vector<T> counted(index_t n) {
  std::vector<T> h(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < h.size(); ++i)
    h[i] = static_cast<T>(std::sin(1.7 * static_cast<double>(i + 1)));
  return h;
}
// Q, row by row.
std::vector<double> matrix_of(const session_rotation& q) {
  const index_t n = q.channels();
  std::vector<double> m(static_cast<std::size_t>(n * n)), unit(static_cast<std::size_t>(n));
  for (index_t i = 0; i < n; ++i) {
    std::fill(unit.begin(), unit.end(), 0.0);
    unit[static_cast<std::size_t>(i)] = 1;
    q.apply(unit.data(), m.data() + i * n);
  }
  return m;
}

}  // namespace

TEST_CASE("a session's rotation is orthonormal, mixes, and its inverse is its transpose") {
  for (const index_t n : {1, 2, 17, 64, 128}) {
    CAPTURE(n);
    const session_rotation q = rotation_of(n, 8);
    CHECK(q.reflections() == 8);
    const std::vector<double> m = matrix_of(q);
    const auto at = [&](index_t i, index_t j) { return m[static_cast<std::size_t>(i * n + j)]; };
    double worst = 0;
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j) {
        double product = 0;
        for (index_t k = 0; k < n; ++k) product += at(i, k) * at(j, k);
        worst = std::max(worst, std::abs(product - (i == j ? 1 : 0)));
      }
    CHECK(worst < 3e-6);  // directions are floats
    const std::vector<double> h = counted<double>(n);
    std::vector<double> left = h, back(h.size());
    q.apply_inverse(left.data(), back.data());
    for (index_t j = 0; j < n; ++j) {
      double expected = 0;
      for (index_t k = 0; k < n; ++k) expected += at(j, k) * h[static_cast<std::size_t>(k)];
      CHECK(std::abs(back[static_cast<std::size_t>(j)] - expected) < 1e-9);
    }
  }
}

TEST_CASE("without reflections there and back is the same to the bit; with them nearly") {
  const std::vector<float> h = counted<float>(128);
  for (const int reflections : {0, 1, 8}) {
    CAPTURE(reflections);
    const session_rotation q = rotation_of(128, reflections);
    std::vector<float> to(h.size()), back(h.size());
    q.apply(h.data(), to.data());
    CHECK(to != h);
    q.apply_inverse(to.data(), back.data());
    double worst = 0;
    for (std::size_t i = 0; i < h.size(); ++i)
      worst = std::max(worst, static_cast<double>(std::abs(back[i] - h[i])));
    if (reflections == 0) CHECK(back == h);
    CHECK(worst < 3e-6);
  }
}

// The gradient of loss = sum r (h Q) is r Q^T.
TEST_CASE("backward is the inverse: gradients by central differences") {
  constexpr index_t n = 12;
  const session_rotation q = rotation_of(n, 3);
  const std::vector<double> r = counted<double>(n);
  std::vector<double> h(n, 0.3), to(n), left = r, dh(n);
  q.apply_inverse(left.data(), dh.data());
  const auto loss = [&] {
    q.apply(h.data(), to.data());
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += r[i] * to[i];
    return sum;
  };
  for (std::size_t i = 0; i < n; ++i) {
    const double before = h[i];
    h[i] = before + 1e-3;
    const double up = loss();
    h[i] = before - 1e-3;
    const double found = (up - loss()) / 2e-3;
    h[i] = before;
    CHECK(std::abs(dh[i]) > 1e-6);
    CHECK(found == doctest::Approx(dh[i]).epsilon(1e-6));
  }
}

TEST_CASE("another role has another rotation; sizes that none has are refused") {
  const std::vector<double> a = matrix_of(rotation_of(64, 8)), b = matrix_of(rotation_of(64, 8, "1"));
  double product = 0;  // of independent ones about 0 +- 1
  for (std::size_t i = 0; i < a.size(); ++i) product += a[i] * b[i];
  CHECK(std::abs(product) < 6);
  CHECK(std::abs(product) > 1e-6);
  check_refused([] { (void)rotation_of(0, 8); }, "lock.120");
  check_refused([] { (void)rotation_of(8, 65); }, "lock.120");
}
