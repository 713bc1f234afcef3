#include "spankey/data/glyphs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"

namespace {

using spankey_test::message_of;

using spankey::glyph_point;
using spankey::image_dataset;
using spankey::index_t;
using spankey::split;

constexpr std::size_t features = 3072;

std::vector<float> normalised(const image_dataset& data) {
  std::vector<float> x(data.pixels.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = (static_cast<float>(data.pixels[i]) / 255.0F - data.mean[i % 3]) / data.deviation[i % 3];
  }
  return x;
}

std::array<float, 10> logits(const std::vector<float>& weights, const float* x) {
  std::array<float, 10> z{};
  for (std::size_t i = 0; i < features; ++i) {
    for (std::size_t k = 0; k < 10; ++k) z[k] += weights[10 * i + k] * x[i];
  }
  return z;
}

// Share of `data` that the linear classifier `weights` (features x 10) names correctly.
double accuracy(const std::vector<float>& weights, const image_dataset& data, const std::vector<float>& x) {
  index_t correct = 0;
  for (index_t n = 0; n < data.size(); ++n) {
    const auto z = logits(weights, x.data() + static_cast<std::size_t>(n) * features);
    if (std::max_element(z.begin(), z.end()) - z.begin() == data.label(n)) ++correct;
  }
  return static_cast<double>(correct) / static_cast<double>(data.size());
}

}  // namespace

TEST_CASE("size, shape and balance") {
  const image_dataset data = spankey::make_glyphs(1000, 3);
  CHECK(data.size() == 1000);
  CHECK(data.sample == spankey::extents{3, 32, 32});
  CHECK(data.classes == 10);
  CHECK(data.pixels.size() == 1000 * features);
  std::array<int, 10> count{};
  for (index_t i = 0; i < 1000; ++i) ++count[static_cast<std::size_t>(data.label(i))];
  for (const int images : count) CHECK(images == 100);
}

TEST_CASE("an image depends on seed and index only") {
  const image_dataset data = spankey::make_glyphs(50, 3), tail = spankey::make_glyphs(20, 3, 30);
  CHECK(std::equal(tail.pixels.begin(), tail.pixels.end(), data.image(30)));
  CHECK(std::equal(tail.labels.begin(), tail.labels.end(), data.labels.begin() + 30));
  CHECK(spankey::make_glyphs(50, 4).pixels != data.pixels);
  CHECK(spankey::make_glyphs(50, 3).pixels == data.pixels);
}

TEST_CASE("one thread and three draw the same bits") {
  const auto with_threads = [](index_t threads) {
    const spankey::thread_limit limit(threads);
    return spankey::make_glyphs(200, 8);
  };
  const image_dataset one = with_threads(1), three = with_threads(3);
  CHECK(one.pixels == three.pixels);
  CHECK(one.labels == three.labels);
}

TEST_CASE("training and test part share no image") {
  const image_dataset train = spankey::make_glyphs(500, 3, split::train);
  const image_dataset test = spankey::make_glyphs(500, 3, split::test);
  CHECK(train.pixels == spankey::make_glyphs(500, 3).pixels);
  CHECK(test.pixels == spankey::make_glyphs(500, 3, spankey::glyphs_test_begin).pixels);
  std::set<std::vector<std::uint8_t>> images;
  for (const image_dataset* data : {&train, &test}) {
    for (index_t i = 0; i < 500; ++i) images.emplace(data->image(i), data->image(i) + features);
  }
  CHECK(images.size() == 1000);
}

TEST_CASE("the stated mean and deviation are those of the pixels") {
  const image_dataset data = spankey::make_glyphs(4000, 11);
  const std::vector<float> x = normalised(data);
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (std::size_t i = c; i < x.size(); i += 3) {
      sum += x[i];
      squares += x[i] * x[i];
    }
    const double count = static_cast<double>(x.size()) / 3, mean = sum / count;
    CHECK(std::abs(mean) < 0.05);
    CHECK(std::abs(std::sqrt(squares / count - mean * mean) - 1) < 0.03);
  }
}

TEST_CASE("grey images of 28 pixels show the same shapes as coloured ones of 32") {
  const spankey::extents grey{1, 28, 28};
  const image_dataset small = spankey::make_glyphs(2000, 11, split::test, grey);
  const image_dataset large = spankey::make_glyphs(2000, 11, split::test);
  CHECK(small.sample == grey);
  CHECK(small.pixels.size() == 2000 * 28 * 28);
  CHECK(small.labels == large.labels);
  CHECK(spankey::make_glyphs(20, 11, split::test, spankey::glyph_sample).pixels ==
        std::vector<std::uint8_t>(large.pixels.begin(), large.pixels.begin() + 20 * features));
  // The shape's centre is where it is in the large image, in parts of the edge; the shape is brighter than its ground.
  const auto centre = [](const image_dataset& data, index_t i) {
    const index_t edge = data.sample.width, channels = data.sample.channels;
    double low = 255, sum = 0, along = 0;
    for (index_t p = 0; p < edge * edge; ++p) low = std::min<double>(low, data.image(i)[p * channels]);
    for (index_t p = 0; p < edge * edge; ++p) {
      const double bright = std::pow(data.image(i)[p * channels] - low, 2);
      sum += bright;
      along += bright * (static_cast<double>(p % edge) + 0.5) / static_cast<double>(edge);
    }
    return along / sum;
  };
  double apart = 0, mean = 0, squares = 0;
  for (index_t i = 0; i < 2000; ++i) apart += std::abs(centre(small, i) - centre(large, i)) / 2000;
  CHECK(apart < 0.05);  // unrelated images: 0.1
  for (const std::uint8_t pixel : small.pixels) {
    const double x = (pixel / 255.0 - small.mean[0]) / small.deviation[0];
    mean += x;
    squares += x * x;
  }
  const double count = static_cast<double>(small.pixels.size());
  mean /= count;
  CHECK(std::abs(mean) < 0.05);
  CHECK(std::abs(std::sqrt(squares / count - mean * mean) - 1) < 0.03);
}

TEST_CASE("each shape fits its circle and is told from the others by its area and its corners") {
  std::array<double, 10> area{};
  for (index_t label = 0; label < 10; ++label) {
    CAPTURE(spankey::glyph_names[static_cast<std::size_t>(label)]);
    bool fits = true;
    for (int i = -130; i < 130; ++i) {
      for (int j = -130; j < 130; ++j) {
        const glyph_point p{(i + 0.5) / 100, (j + 0.5) / 100};
        if (spankey::distance_to_glyph(label, p) > 0) continue;
        area[static_cast<std::size_t>(label)] += 1e-4;
        fits = fits && std::hypot(p.x, p.y) < 1.2;
      }
    }
    CHECK(fits);
  }
  const double pi = 3.14159265358979;
  CHECK(area[0] == doctest::Approx(pi * 0.85 * 0.85).epsilon(0.01));
  CHECK(area[1] == doctest::Approx(pi * (0.92 * 0.92 - 0.52 * 0.52)).epsilon(0.01));
  CHECK(area[2] == doctest::Approx(1.96).epsilon(0.01));
  CHECK(area[3] == doctest::Approx(0.866 * 1.5).epsilon(0.01));
  CHECK(area[4] == doctest::Approx(4 * 0.56 * 0.95 - 0.56 * 0.56).epsilon(0.01));
  CHECK(area[5] == doctest::Approx(1.235).epsilon(0.02));  // 5 * outer * inner * sin 36 degrees
  CHECK(area[6] == doctest::Approx(3 * 1.6 * 0.34).epsilon(0.01));
  CHECK(area[8] == doctest::Approx(0.5 * 1.8 + 0.8 * 0.5).epsilon(0.01));
}

TEST_CASE("signed distances") {
  using spankey::distance_to_glyph;
  CHECK(distance_to_glyph(0, {0, 0}) == doctest::Approx(-0.85));
  CHECK(distance_to_glyph(1, {0.72, 0}) == doctest::Approx(-0.2));
  CHECK(distance_to_glyph(2, {1.0, 0}) == doctest::Approx(0.3));
  CHECK(distance_to_glyph(2, {1.0, 1.1}) == doctest::Approx(0.5));  // to the corner (0.7, 0.7)
  CHECK(distance_to_glyph(4, {0.6, 0.6}) == doctest::Approx(0.32));
  CHECK(distance_to_glyph(6, {0, 0.31}) == doctest::Approx(0.14));
  CHECK(distance_to_glyph(7, {0.45, 0}) == doctest::Approx(0.72));
  CHECK(distance_to_glyph(9, {0, 0.5}) == doctest::Approx(-0.15));
}

TEST_CASE("a linear classifier on the pixels stays below 60 %") {
  const image_dataset train = spankey::make_glyphs(4000, 21, split::train);
  const image_dataset test = spankey::make_glyphs(1000, 21, split::test);
  const std::vector<float> x = normalised(train), x_test = normalised(test);
  // Softmax regression by stochastic gradient descent, one image at a time; the best epoch counts.
  std::vector<float> weights(features * 10, 0.0F);
  double best_test = 0, last_train = 0;
  for (int epoch = 0; epoch < 12; ++epoch) {
    const float rate = 2e-4F / static_cast<float>(1 + epoch);
    for (std::size_t n = 0; n < 4000; ++n) {
      const float* image = x.data() + n * features;
      std::array<float, 10> slope = logits(weights, image);
      const float top = *std::max_element(slope.begin(), slope.end());
      float sum = 0;
      for (float& z : slope) sum += z = std::exp(z - top);
      for (float& z : slope) z /= sum;
      slope[train.labels[n]] -= 1;
      for (std::size_t i = 0; i < features; ++i) {
        for (std::size_t k = 0; k < 10; ++k) weights[10 * i + k] -= rate * slope[k] * image[i];
      }
    }
    best_test = std::max(best_test, accuracy(weights, test, x_test));
    last_train = accuracy(weights, train, x);
  }
  CHECK(last_train > 0.2);  // it does learn: a broken classifier would pass the next line too
  CHECK(best_test < 0.6);
}

TEST_CASE("counts and indices out of range") {
  CHECK(message_of([] { spankey::make_glyphs(0, 1); }) ==
        "[spankey.data.131] glyphs: found 0 images from index 0, expected at least 1 image and indices from "
        "0 to "
        "2147483646");
  CHECK(message_of([] { spankey::make_glyphs(1, 1, -1); }).find("[spankey.data.131]") == 0);
  CHECK(message_of([] { spankey::make_glyphs(2, 1, 0x7FFFFFFE); }).find("[spankey.data.131]") == 0);
  CHECK(message_of([] { spankey::make_glyphs(0, 1, split::test); }).find("[spankey.data.131]") == 0);
  CHECK(message_of([] { spankey::make_glyphs(spankey::glyphs_test_begin, 1, split::train); }) ==
        "[spankey.data.131] glyphs: found 1073741824 images, expected 1 to 1073741823");
  CHECK(message_of([] {
          spankey::make_glyphs(1, 1, split::test, {2, 28, 28});
        }) ==
        "[spankey.data.132] glyphs: found C=2 H=28 W=28, expected 1 or 3 channels and H = W from 16 to 256");
  for (const spankey::extents& sample :
       {spankey::extents{1, 28, 32}, {1, 15, 15}, {3, 257, 257}, {0, 28, 28}})
    CHECK(message_of([&] { spankey::make_glyphs(1, 1, split::test, sample); }).find("[spankey.data.132]") ==
          0);
}
