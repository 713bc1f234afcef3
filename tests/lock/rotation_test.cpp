#include "spankey/lock/rotation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace spankey;

namespace {

rotation rotation_of(index_t channels, std::string_view layer) {
  const master_key key;  // of zeros
  key_stream numbers(derive(key, {"rotate", layer}));
  return {channels, numbers};
}
using matrix = std::vector<double>;
matrix unit(index_t n) {
  matrix m(static_cast<std::size_t>(n * n));
  for (index_t i = 0; i < n; ++i) m[static_cast<std::size_t>(i * n + i)] = 1;
  return m;
}

}  // namespace

TEST_CASE("a rotation is orthonormal, and its inverse takes it back") {
  for (const index_t n : {1, 2, 3, 8, 12, 17, 24, 64, 144, 192}) {
    CAPTURE(n);
    const rotation r = rotation_of(n, "conv1");
    matrix m = unit(n);
    r.apply(m.data(), n);
    double worst = 0, largest = 0;
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j) {
        double product = 0;
        for (index_t k = 0; k < n; ++k)
          product += m[static_cast<std::size_t>(i * n + k)] * m[static_cast<std::size_t>(j * n + k)];
        worst = std::max(worst, std::abs(product - (i == j ? 1 : 0)));
        largest = std::max(largest, std::abs(m[static_cast<std::size_t>(i * n + j)]));
      }
    CHECK(worst < 1e-12);
    if (n == 64 || n == 192) CHECK(largest < 0.75);  // nothing stays near where it was
    r.apply_inverse(m.data(), n);
    const matrix one = unit(n);
    for (std::size_t i = 0; i < m.size(); ++i) CHECK(std::abs(m[i] - one[i]) < 1e-12);
  }
}

TEST_CASE("rotations of two layers have nothing in common") {
  constexpr index_t n = 64;
  matrix a = unit(n), b = unit(n);
  rotation_of(n, "conv1").apply(a.data(), n);
  rotation_of(n, "conv2").apply(b.data(), n);
  double product = 0;  // of independent ones about 0 +- 1
  for (std::size_t i = 0; i < a.size(); ++i) product += a[i] * b[i];
  CHECK(std::abs(product) < 6);
  CHECK(std::abs(product) > 1e-6);
}
