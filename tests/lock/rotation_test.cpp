#include "spankey/lock/rotation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "error_probe.hpp"
#include "spankey/core/random.hpp"
#include "spankey/lock/channel_map.hpp"

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
double number(index_t i) { return random_source(3, stream::glyphs).gaussian(static_cast<std::uint64_t>(i)); }

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

TEST_CASE("locked weights give on a mapped activation what the weights give on the activation") {
  for (const index_t c : {1, 8, 24})
    for (const bool whitened : {false, true}) {
      constexpr index_t outputs = 5;
      matrix w(static_cast<std::size_t>(c * outputs)), x(static_cast<std::size_t>(c));
      for (std::size_t i = 0; i < w.size(); ++i) w[i] = number(static_cast<index_t>(i));
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = number(static_cast<index_t>(i) + 1000);
      matrix moment(static_cast<std::size_t>(c * c));
      for (index_t i = 0; i < c; ++i)
        for (index_t j = 0; j < c; ++j)
          for (index_t k = 0; k < outputs; ++k)
            moment[static_cast<std::size_t>(i * c + j)] +=
                w[static_cast<std::size_t>(i * outputs + k)] * w[static_cast<std::size_t>(j * outputs + k)];
      channel_map map(rotation_of(c, "conv1"));
      if (whitened) map.whiten(moment);
      REQUIRE(map.whitens() == whitened);
      matrix locked = w;
      map.lock(locked.data(), outputs);
      const auto t = map.activation_matrix();
      for (index_t o = 0; o < outputs; ++o) {
        double want = 0, got = 0;
        for (index_t i = 0; i < c; ++i) {
          want += w[static_cast<std::size_t>(i * outputs + o)] * x[static_cast<std::size_t>(i)];
          for (index_t j = 0; j < c; ++j)
            got += locked[static_cast<std::size_t>(i * outputs + o)] *
                   static_cast<double>(t[static_cast<std::size_t>(i * c + j)]) *
                   x[static_cast<std::size_t>(j)];
        }
        CHECK(got == doctest::Approx(want).epsilon(1e-5));
      }
      if (whitened &&
          c == 8) {  // five outputs span what the layer reads: there W' W'^T is the identity, nearly
        double trace = 0;
        for (const double v : locked) trace += v * v;
        CHECK(trace > 4.7);
        CHECK(trace < 5.0);
      }
      channel_map again(rotation_of(c, "conv1"));
      if (whitened) again.use_root(map.root());
      again.unlock(locked.data(), outputs);
      for (std::size_t i = 0; i < w.size(); ++i) CHECK(locked[i] == doctest::Approx(w[i]).epsilon(1e-6));
    }
}

TEST_CASE("a root of another size is refused") {
  channel_map map(rotation_of(8, "conv1"));
  const std::vector<float> few(35, 1.0F);
  spankey_test::check_refused([&] { map.use_root(few); }, "lock.101", {"35", "8"});
  std::vector<float> flat(36, 1.0F);
  flat[0] = 0;
  spankey_test::check_refused([&] { map.use_root(flat); }, "lock.101");
}
