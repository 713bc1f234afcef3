#include "spankey/train/whiten.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/sized_model.hpp"

using namespace spankey;

namespace {
using spankey_test::id_of;

layer_list one_convolution(index_t outputs, index_t kernel = 2) {
  layer_list net("one", {2, 6, 5});
  net.conv2d("whiten", outputs, {.kernel = kernel, .pad = padding::none, .bias = bias::learned}).relu("relu");
  return net.head("fc", 3);
}
using model = sized_model<none, backend::reference, double>;

// Neighbours alike, channels alike: pixels that a whitening has something to do with.
image_dataset smooth_images(index_t count) {
  image_dataset data{"smooth", {2, 6, 5}, 3, {}, {}, {0.4F, 0.5F}, {0.25F, 0.2F}};
  const random_source random(3, stream::glyphs);
  for (index_t i = 0; i < count; ++i) {
    data.labels.push_back(static_cast<std::uint16_t>(i % 3));
    for (index_t at = 0; at < 60; ++at) {
      const auto base = random.below(static_cast<std::uint64_t>(i * 4 + at / 16), 180);
      data.pixels.push_back(static_cast<std::uint8_t>(
          base + random.below(static_cast<std::uint64_t>(100000 + i * 60 + at), 60)));
    }
  }
  return data;
}
}  // namespace

TEST_CASE("symmetric_eigenvalues: ascending, with their vectors") {
  std::vector<double> vectors;
  std::vector<double> two = {2, 1, 1, 2};
  auto values = symmetric_eigenvalues(two, 2, vectors);
  CHECK(values[0] == doctest::Approx(1).epsilon(1e-14));
  CHECK(values[1] == doctest::Approx(3).epsilon(1e-14));
  CHECK(vectors[0] == doctest::Approx(-vectors[1]).epsilon(1e-14));
  CHECK(vectors[2] == doctest::Approx(vectors[3]).epsilon(1e-14));

  constexpr index_t n = 9;
  std::vector<double> a(n * n);
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j <= i; ++j)
      a[static_cast<std::size_t>(i * n + j)] = a[static_cast<std::size_t>(j * n + i)] =
          std::sin(static_cast<double>(7 * i + 3 * j * j + 1));
  const std::vector<double> before = a;
  values = symmetric_eigenvalues(a, n, vectors);
  for (index_t v = 0; v < n; ++v) {
    if (v > 0) CHECK(values[static_cast<std::size_t>(v)] >= values[static_cast<std::size_t>(v - 1)]);
    for (index_t i = 0; i < n; ++i) {  // A x = l x
      double product = 0;
      for (index_t j = 0; j < n; ++j)
        product += before[static_cast<std::size_t>(i * n + j)] * vectors[static_cast<std::size_t>(v * n + j)];
      CHECK(product == doctest::Approx(values[static_cast<std::size_t>(v)] *
                                       vectors[static_cast<std::size_t>(v * n + i)])
                           .epsilon(1e-10)
                           .scale(1));
    }
  }
  std::vector<double> zeros(4, 0.0);
  CHECK(symmetric_eigenvalues(zeros, 2, vectors) == std::vector<double>{0, 0});
}

TEST_CASE(
    "whiten: outputs of the filters are uncorrelated, of deviation 1, and the second half is the negative") {
  const image_dataset data = smooth_images(200);
  model m(one_convolution(16));
  const arena memory(m, 1);
  initialise(m, 1);
  whiten(m, "whiten", data, {.images = 200, .epsilon = 0});
  const auto& p = m.parameter_of("whiten.weight");
  const auto filter = [&](index_t i, index_t j) { return p.value.data[i * 16 + j]; };
  for (index_t i = 0; i < 8; ++i)
    for (index_t j = 0; j < 8; ++j) CHECK(filter(i, j + 8) == -filter(i, j));
  // F^T S F = 1, S being the windows' second moments.
  const auto moments = window_moments(data, 200, 2);
  for (index_t a = 0; a < 8; ++a)
    for (index_t b = 0; b < 8; ++b) {
      double sum = 0;
      for (index_t i = 0; i < 8; ++i)
        for (index_t j = 0; j < 8; ++j)
          sum += filter(i, a) * moments[static_cast<std::size_t>(i * 8 + j)] * filter(j, b);
      INFO("filters ", a, " and ", b);
      CHECK(sum == doctest::Approx(a == b ? 1.0 : 0.0).epsilon(1e-9).scale(1));
    }
}

TEST_CASE("window_moments: by hand, for one image of two windows") {
  image_dataset data{"one", {1, 1, 3}, 2, {0, 51, 255}, {0}, {0.0F}, {1.0F}};
  const auto moments = window_moments(data, 1, 1);
  REQUIRE(moments.size() == 1);
  CHECK(moments[0] == doctest::Approx((0.2 * 0.2 + 1) / 3).epsilon(1e-6));
}

TEST_CASE("whiten: what it cannot do is refused, and nothing is changed") {
  const image_dataset data = smooth_images(4);
  model m(one_convolution(15));
  CHECK(id_of([&] { whiten(m, "whiten", data); }) == "memory.105");
  const arena memory(m, 1);
  initialise(m, 1);
  const double before = m.parameter_of("whiten.weight").value.data[0];
  CHECK(id_of([&] { whiten(m, "whiten", data); }) == "train.141");  // 15 outputs
  CHECK(id_of([&] { whiten(m, "fc", data); }) == "train.141");
  CHECK(id_of([&] { whiten(m, "stem", data); }) == "train.141");
  CHECK(id_of([&] { whiten(m, "whiten", data, {.images = 0}); }) == "train.142");
  CHECK(m.parameter_of("whiten.weight").value.data[0] == before);
}
