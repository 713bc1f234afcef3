#include "spankey/data/loader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/data/text.hpp"

namespace {

using spankey_test::check_refused;
using spankey_test::message_of;

using spankey::augmentation;
using spankey::index_t;
using spankey::last_batch;
using spankey::loader;
using spankey::loader_options;

// A data set of our own: image i is 2x4x4 bytes made from i, and its label is i itself.
struct numbered_images {
  explicit numbered_images(index_t count) : classes(count) {
    for (index_t i = 0; i < count; ++i) {
      for (index_t j = 0; j < 32; ++j) bytes.push_back(static_cast<std::uint8_t>((i * 31 + j * 5 + 1) % 256));
    }
  }
  [[nodiscard]] index_t size() const { return classes; }
  [[nodiscard]] const std::uint8_t* image(index_t i) const { return bytes.data() + 32 * i; }
  [[nodiscard]] int label(index_t i) const { return static_cast<int>(i); }

  static constexpr spankey::extents sample{2, 4, 4};
  index_t classes;
  std::vector<std::uint8_t> bytes;
  std::array<float, 2> mean{0.5F, 0.25F}, deviation{0.25F, 0.5F};
};

static_assert(spankey::Dataset<numbered_images>);

struct epoch_content {
  std::vector<float> x;
  std::vector<int> y;
};

epoch_content read_epoch(const numbered_images& data, const loader_options& options, index_t epoch) {
  loader<numbered_images> batches(data, options);
  epoch_content all;
  std::vector<float> x(static_cast<std::size_t>(options.batch * 32));
  std::vector<int> y(static_cast<std::size_t>(options.batch));
  for (index_t step = 0; step < batches.steps_per_epoch(); ++step) {
    const index_t samples = batches.fill(epoch, step, x.data(), y.data());
    CHECK(samples == batches.samples_at(step));
    all.x.insert(all.x.end(), x.begin(), x.begin() + 32 * samples);
    all.y.insert(all.y.end(), y.begin(), y.begin() + samples);
  }
  return all;
}

}  // namespace

TEST_CASE("evaluation order is file order, normalised, every image once") {
  const numbered_images data(10);
  const epoch_content all = read_epoch(data, spankey::evaluation_order(4), 0);
  REQUIRE(all.y.size() == 10);
  for (int i = 0; i < 10; ++i) CHECK(all.y[static_cast<std::size_t>(i)] == i);
  float worst = 0;
  for (std::size_t i = 0; i < all.x.size(); ++i) {
    const std::size_t c = i % 2;
    const float expected = (static_cast<float>(data.bytes[i]) / 255.0F - data.mean[c]) / data.deviation[c];
    worst = std::max(worst, std::abs(all.x[i] - expected));
  }
  CHECK(worst < 1e-6F);
  CHECK(read_epoch(data, spankey::evaluation_order(4), 5).x == all.x);
}

TEST_CASE("every shuffled epoch is a permutation, and a different one") {
  const numbered_images data(103);
  loader_options options;
  options.batch = 8;
  options.seed = 5;
  std::vector<std::vector<int>> orders;
  for (index_t epoch = 0; epoch < 4; ++epoch) {
    std::vector<int> y = read_epoch(data, options, epoch).y;
    orders.push_back(y);
    std::sort(y.begin(), y.end());
    std::vector<int> expected(103);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(y == expected);
  }
  for (std::size_t a = 0; a < orders.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) CHECK(orders[a] != orders[b]);
  }
  CHECK(read_epoch(data, options, 2).y == orders[2]);
  options.seed = 6;
  CHECK(read_epoch(data, options, 2).y != orders[2]);
}

TEST_CASE("a shuffle favours no order: the six orders of three images") {
  const numbered_images data(3);
  loader_options options;
  options.batch = 3;
  loader<numbered_images> batches(data, options);
  std::array<int, 27> seen{};
  for (index_t epoch = 0; epoch < 6000; ++epoch) {
    const std::vector<index_t>& order = batches.order(epoch);
    ++seen[static_cast<std::size_t>(order[0] * 9 + order[1] * 3 + order[2])];
  }
  for (const std::size_t order : {5U, 7U, 11U, 15U, 19U, 21U}) {
    CHECK(std::abs(seen[order] - 1000) < 130);  // 4.5 standard deviations
  }
}

TEST_CASE("epochs and steps can be asked for in any order") {
  const numbered_images data(20);
  loader_options options;
  options.batch = 6;
  options.augment = {1, true};
  loader<numbered_images> batches(data, options);
  std::vector<float> first(6 * 32), again(6 * 32);
  std::vector<int> y(6), y_again(6);
  batches.fill(3, 1, first.data(), y.data());
  batches.fill(0, 3, again.data(), y_again.data());
  batches.fill(3, 1, again.data(), y_again.data());
  CHECK(first == again);
  CHECK(y == y_again);
}

TEST_CASE("the last partial batch is kept or dropped, and rows behind it are left alone") {
  const numbered_images data(10);
  loader_options options = spankey::evaluation_order(4);
  loader<numbered_images> keeping(data, options);
  CHECK(keeping.steps_per_epoch() == 3);
  std::vector<float> x(4 * 32, 99);
  std::vector<int> y(4, 99);
  CHECK(keeping.fill(0, 2, x.data(), y.data()) == 2);
  CHECK(y == std::vector<int>{8, 9, 99, 99});
  CHECK(std::count(x.begin() + 2 * 32, x.end(), 99.0F) == 2 * 32);
  options.last = last_batch::drop;
  loader<numbered_images> dropping(data, options);
  CHECK(dropping.steps_per_epoch() == 2);
  CHECK(read_epoch(data, options, 0).y.size() == 8);

  CHECK(loader<numbered_images>(data, spankey::evaluation_order(5)).steps_per_epoch() == 2);
  CHECK(loader<numbered_images>(data, spankey::evaluation_order(11)).steps_per_epoch() == 1);
}

TEST_CASE("an augmented sample is the image at its placement, whatever its place in the batch") {
  const numbered_images data(12);
  loader_options options;
  options.batch = 5;
  options.seed = 9;
  options.augment = {2, true};
  const epoch_content all = read_epoch(data, options, 4);
  for (std::size_t n = 0; n < all.y.size(); ++n) {
    const int image = all.y[n];
    const spankey::image_placement place = spankey::place_image(options.augment, data.sample, 9, 4, image);
    int wrong = 0;
    for (index_t h = 0; h < 4; ++h)
      for (index_t w = 0; w < 4; ++w)
        for (index_t c = 0; c < 2; ++c) {
          const index_t row = h + place.shift_y, column = (place.flip ? 3 - w : w) + place.shift_x;
          const bool inside = row >= 0 && row < 4 && column >= 0 && column < 4;
          const int byte = inside ? data.image(image)[(row * 4 + column) * 2 + c] : 0;
          const float expected =
              static_cast<float>(byte / 255.0 - (c == 0 ? 0.5 : 0.25)) / (c == 0 ? 0.25F : 0.5F);
          if (std::abs(all.x[n * 32 + static_cast<std::size_t>((h * 4 + w) * 2 + c)] - expected) > 1e-5F)
            ++wrong;
        }
    CHECK(wrong == 0);
  }
}

TEST_CASE("a loader turns and shifts as its placement says") {
  const numbered_images data(12);
  loader_options options;
  options.batch = 12;
  options.shuffle = false;
  options.augment = {.rotate_degrees = 60, .shift_fraction = 0.5};
  const epoch_content all = read_epoch(data, options, 4);
  const std::vector<float> table = spankey::normalisation_table<float>(data.mean, data.deviation);
  std::vector<float> expected(12 * 32);
  for (index_t i = 0; i < 12; ++i)
    spankey::write_image(data.image(i), data.sample,
                         spankey::place_image(options.augment, data.sample, options.seed, 4, i), table.data(),
                         expected.data() + 32 * i);
  CHECK(all.x == expected);
  CHECK(read_epoch(data, options, 5).x != expected);
  options.augment = {};
  CHECK(read_epoch(data, options, 4).x != expected);
}

TEST_CASE("features are read in the order of images, as they are, and not augmented") {
  const numbered_images images(10);
  spankey::feature_dataset data{"numbers", {3, 1, 1}, 10, {}, {}};
  for (int i = 0; i < 10; ++i) {
    data.labels.push_back(static_cast<spankey::class_label>(i));
    for (int j = 0; j < 3; ++j) data.values.push_back(static_cast<float>(i) + 0.1F * static_cast<float>(j));
  }
  loader_options options;
  options.batch = 4;
  options.seed = 5;
  loader<spankey::feature_dataset> batches(data, options);
  loader<numbered_images> peer(images, options);
  std::vector<float> x(12), peer_x(4 * 32);
  std::vector<int> y(4), peer_y(4);
  for (const index_t step : {0, 1, 2}) {
    x.assign(12, 99);
    REQUIRE(batches.fill(2, step, x.data(), y.data()) == peer.fill(2, step, peer_x.data(), peer_y.data()));
    const index_t samples = batches.samples_at(step);
    for (index_t n = 0; n < 4; ++n)
      for (index_t j = 0; j < 3; ++j)
        CHECK(x[static_cast<std::size_t>(3 * n + j)] ==
              (n < samples ? data.features(y[static_cast<std::size_t>(n)])[j] : 99.0F));
    CHECK(y == peer_y);
  }
  options.augment.flip = true;
  CHECK(
      message_of([&] { loader<spankey::feature_dataset> made(data, options); }) ==
      "[spankey.data.128] loader: found an augmentation of a data set of features, expected augmentation{}");
  options.augment = {};
  data.values[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(message_of([&] { loader<spankey::feature_dataset> made(data, options); }).find("data.106") !=
        std::string::npos);
}

TEST_CASE("one thread and three write the same bits") {
  const numbered_images data(103);
  loader_options options;
  options.batch = 16;
  options.augment = {1, true};
  const auto with_threads = [&](index_t threads) {
    const spankey::thread_limit limit(threads);
    return read_epoch(data, options, 1);
  };
  const epoch_content one = with_threads(1), three = with_threads(3);
  CHECK(one.y == three.y);
  CHECK(one.x == three.x);
}

TEST_CASE("double is the same picture with more digits") {
  const numbered_images data(6);
  loader<numbered_images> single(data, spankey::evaluation_order(6));
  loader<numbered_images, double> twice(data, spankey::evaluation_order(6));
  std::vector<float> x(6 * 32);
  std::vector<double> xx(6 * 32);
  std::vector<int> y(6);
  single.fill(0, 0, x.data(), y.data());
  twice.fill(0, 0, xx.data(), y.data());
  bool more_digits = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(x[i] == static_cast<float>(xx[i]));
    more_digits = more_digits || static_cast<double>(x[i]) != xx[i];
  }
  CHECK(more_digits);
}

TEST_CASE("wrong options and wrong questions are one-line errors that name the number and its limits") {
  const numbered_images data(10), none(0);
  const auto constructing = [](const numbered_images& from, const loader_options& options) {
    return [&] { loader<numbered_images> made(from, options); };
  };
  loader_options options;
  check_refused(constructing(none, options), "data.101", {"loader"});
  options.batch = 0;
  check_refused(constructing(data, options), "data.121", {"0", "1"});
  options.batch = 4;
  for (const index_t pad : {-1, 5}) {
    options.augment.pad = pad;
    check_refused(constructing(data, options), "data.122", {std::to_string(pad), "0 to 4"});
  }
  options.augment.pad = 4;
  CHECK(message_of(constructing(data, options)) == "no error");
  options.augment.rotate_degrees = 200;
  check_refused(constructing(data, options), "data.126", {"200", "180"});
  options.augment.rotate_degrees = 0;
  options.batch = 11;
  options.last = last_batch::drop;
  check_refused(constructing(data, options), "data.123", {"10", "11"});

  loader<numbered_images> batches(data, spankey::evaluation_order(4));
  std::vector<float> x(4 * 32, 99);
  std::vector<int> y(4, 99);
  const auto filling = [&](index_t epoch, index_t step) {
    return [&, epoch, step] { batches.fill(epoch, step, x.data(), y.data()); };
  };
  check_refused(filling(0, 3), "data.125", {"3", "0 to 2"});
  check_refused(filling(0, -1), "data.125", {"-1", "0 to 2"});
  check_refused(filling(-1, 0), "data.124", {"-1"});
  CHECK(std::count(x.begin(), x.end(), 99.0F) == 4 * 32);
}

TEST_CASE("loader: windows of a text, and a label for every token") {
  const spankey::text_dataset data("text", {spankey::text_in_memory("0123456789abcdefghij")}, 4);
  REQUIRE(data.size() == 5);
  std::vector<float> x(2 * 8);
  std::vector<int> y(2 * 4);
  const auto window = [&](std::size_t n) {
    std::string text;
    for (std::size_t t = 0; t < 4; ++t)
      text += spankey::text_of(static_cast<int>(spankey::read_token(&x[8 * n + 2 * t])));
    text += '|';
    for (std::size_t t = 0; t < 4; ++t) text += spankey::text_of(y[4 * n + t]);
    return text;
  };
  // Side by side for an evaluation; the first token is the beginning of the document.
  spankey::loader in_order(data, spankey::evaluation_order(2));
  CHECK(in_order.fill(0, 0, x.data(), y.data()) == 2);
  CHECK(window(0) == "012|0123");
  CHECK(window(1) == "3456|4567");
  CHECK(in_order.fill(0, 2, x.data(), y.data()) == 1);
  // Drawn for training: other windows in another epoch, the same in the same one.
  spankey::loader drawn(data, {.batch = 2, .seed = 7});
  std::vector<std::string> seen;
  for (const spankey::index_t epoch : {0, 1, 0}) {
    drawn.fill(epoch, 0, x.data(), y.data());
    seen.push_back(window(0) + window(1));
    CHECK(window(1).substr(5, 3) == window(1).substr(1, 3));
  }
  CHECK(seen[0] == seen[2]);
  CHECK(seen[0] != seen[1]);
  // A token beyond the classes does not count.
  spankey::text_dataset digits = data;
  digits.classes = '3';
  spankey::loader some(digits, spankey::evaluation_order(1));
  some.fill(0, 0, x.data(), y.data());
  CHECK(std::vector<int>(y.begin(), y.begin() + 4) == std::vector<int>{'0', '1', '2', -1});
}
