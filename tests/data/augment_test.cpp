#include "spankey/data/augment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "error_probe.hpp"

namespace {

using spankey::augmentation;
using spankey::image_placement;
using spankey::index_t;
using spankey_test::message_of;

constexpr spankey::extents sample_2x3x2{2, 3, 2};  // C=2, H=3, W=2
constexpr spankey::extents sample_32{3, 32, 32};
constexpr spankey::extents sample_28{1, 28, 28};
const augmentation mnist{.rotate_degrees = 6, .shift_fraction = 0.06};
// (h, w, c): red is 10*h + w + 1, the other channel 100 more.
constexpr std::array<std::uint8_t, 12> image{1, 101, 2, 102, 11, 111, 12, 112, 21, 121, 22, 122};

// A table that leaves bytes as they are, but tells channel 1 from channel 0 by adding 1000.
std::vector<double> marked_bytes() {
  std::vector<double> table;
  for (int i = 0; i < 256; ++i) table.push_back(i);
  for (int i = 0; i < 256; ++i) table.push_back(1000 + i);
  return table;
}

std::vector<double> placed(const image_placement& place) {
  std::vector<double> x(12, -1);
  const std::vector<double> table = marked_bytes();
  spankey::write_image(image.data(), sample_2x3x2, place, table.data(), x.data());
  return x;
}

}  // namespace

TEST_CASE("without shift and flip the image is copied") {
  CHECK(placed({}) == std::vector<double>{1, 1101, 2, 1102, 11, 1111, 12, 1112, 21, 1121, 22, 1122});
}

TEST_CASE("a shift moves the window; what lies outside is a byte of zero in its own channel") {
  CHECK(placed({1, 0, false}) ==
        std::vector<double>{11, 1111, 12, 1112, 21, 1121, 22, 1122, 0, 1000, 0, 1000});
  CHECK(placed({-1, 1, false}) == std::vector<double>{0, 1000, 0, 1000, 2, 1102, 0, 1000, 12, 1112, 0, 1000});
  CHECK(placed({0, -1, false}) ==
        std::vector<double>{0, 1000, 1, 1101, 0, 1000, 11, 1111, 0, 1000, 21, 1121});
}

TEST_CASE("a flip mirrors the window after the shift") {
  CHECK(placed({0, 0, true}) ==
        std::vector<double>{2, 1102, 1, 1101, 12, 1112, 11, 1111, 22, 1122, 21, 1121});
  CHECK(placed({-1, 1, true}) == std::vector<double>{0, 1000, 0, 1000, 0, 1000, 2, 1102, 0, 1000, 12, 1112});
}

TEST_CASE("a window far outside is padding only") {
  CHECK(placed({3, -2, false}) == std::vector<double>{0, 1000, 0, 1000, 0, 1000, 0, 1000, 0, 1000, 0, 1000});
}

TEST_CASE("turning by right angles moves every byte to its place") {
  // H = W = 3, one channel:  1 2 3 / 4 5 6 / 7 8 9
  const std::array<std::uint8_t, 9> nine{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto turned = [&](const image_placement& place) {
    std::vector<double> x(9, -1);
    spankey::write_image(nine.data(), {1, 3, 3}, place, marked_bytes().data(), x.data());
    return x;
  };
  CHECK(turned({0, 0, false, 90}) == std::vector<double>{7, 4, 1, 8, 5, 2, 9, 6, 3});  // clockwise
  CHECK(turned({0, 0, false, -90}) == std::vector<double>{3, 6, 9, 2, 5, 8, 1, 4, 7});
  CHECK(turned({0, 0, false, 180}) == std::vector<double>{9, 8, 7, 6, 5, 4, 3, 2, 1});
  CHECK(turned({0, 0, true, 90}) == std::vector<double>{1, 4, 7, 2, 5, 8, 3, 6, 9});   // then mirrored
  CHECK(turned({1, 0, false, 90}) == std::vector<double>{8, 5, 2, 9, 6, 3, 0, 0, 0});  // then moved up
  // An even width, every pixel and both channels.
  const spankey::extents sample{2, 4, 4};
  std::array<std::uint8_t, 32> bytes{};
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(i + 1);
  std::vector<double> x(32, -1);
  spankey::write_image(bytes.data(), sample, {0, 0, false, 90}, marked_bytes().data(), x.data());
  for (std::size_t row = 0; row < 4; ++row)
    for (std::size_t column = 0; column < 4; ++column)
      for (std::size_t c = 0; c < 2; ++c)
        CHECK(x[(row * 4 + column) * 2 + c] ==
              static_cast<double>(((3 - column) * 4 + row) * 2 + c + 1 + 1000 * c));
}

TEST_CASE("a small turn takes the nearest byte, and black where none is") {
  // Row 0 of 1 2 3 4 / 5 6 7 8 / 9 10 11 12 / 13 14 15 16 turned clockwise by 30 degrees: the centre of its pixel
  // (x, -1.5) comes from (x cos + -1.5 sin, -1.5 cos - x sin), cos = .866, sin = .5.
  const spankey::extents sample{1, 4, 4};
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 16; ++i) bytes[i] = static_cast<std::uint8_t>(i + 1);
  std::vector<double> x(16, -1);
  spankey::write_image(bytes.data(), sample, {0, 0, false, 30}, marked_bytes().data(), x.data());
  // x = -1.5: (-2.05, -0.55) outside; -0.5: (-1.18, -1.05); 0.5: (-0.32, -1.55); 1.5: (0.55, -2.05) outside
  CHECK(std::vector<double>(x.begin(), x.begin() + 4) == std::vector<double>{0, 1, 2, 0});
}

TEST_CASE("normalisation is (byte/255 - mean) / deviation of the channel") {
  const std::array<float, 2> mean{0.5F, 0.25F}, deviation{0.5F, 0.125F};
  const std::vector<double> table = spankey::normalisation_table<double>(mean, deviation);
  REQUIRE(table.size() == 512);
  CHECK(table[0] == -1.0);
  CHECK(table[255] == 1.0);
  CHECK(table[256] == -2.0);
  CHECK(table[511] == 6.0);
  CHECK(table[51] == doctest::Approx(-0.6).epsilon(1e-15));
  const std::vector<float> single = spankey::normalisation_table<float>(mean, deviation);
  CHECK(single[51] == static_cast<float>(table[51]));
}

TEST_CASE("placement: nothing happens by default") {
  for (index_t i = 0; i < 100; ++i) {
    CHECK(spankey::place_image(augmentation{}, sample_32, 1, 2, i) == image_placement{0, 0, false});
  }
}

TEST_CASE("placement: every offset is as frequent as any other, and half of the images are flipped") {
  constexpr index_t images = 25000;
  std::map<std::pair<index_t, index_t>, index_t> windows;
  index_t flips = 0, flips_at_origin = 0;
  for (index_t i = 0; i < images; ++i) {
    const image_placement place = spankey::place_image({2, true}, sample_32, 7, 3, i);
    ++windows[{place.shift_y, place.shift_x}];
    flips += place.flip ? 1 : 0;
    flips_at_origin += place.flip && place.shift_y == 0 && place.shift_x == 0 ? 1 : 0;
  }
  REQUIRE(windows.size() == 25);
  CHECK(windows.begin()->first == std::pair<index_t, index_t>{-2, -2});
  CHECK(windows.rbegin()->first == std::pair<index_t, index_t>{2, 2});
  double chi_squared = 0;
  for (const auto& [window, count] : windows)
    chi_squared += std::pow(static_cast<double>(count) - 1000, 2) / 1000;
  CHECK(chi_squared < 52);                    // 24 degrees of freedom: exceeded once in 1300 seeds
  CHECK(std::abs(flips - images / 2) < 320);  // 4 standard deviations
  CHECK(std::abs(flips_at_origin - 500) < 100);
}

TEST_CASE("placement depends on seed, epoch and image") {
  const augmentation what{4, true};
  const auto differences = [&](std::uint64_t seed, index_t epoch, index_t shift) {
    index_t count = 0;
    for (index_t i = 0; i < 200; ++i) {
      if (!(spankey::place_image(what, sample_32, 1, 1, i) ==
            spankey::place_image(what, sample_32, seed, epoch, i + shift)))
        ++count;
    }
    return count;
  };
  CHECK(differences(1, 1, 0) == 0);
  CHECK(differences(2, 1, 0) > 190);
  CHECK(differences(1, 2, 0) > 190);
  CHECK(differences(1, 1, 1) > 190);
}

TEST_CASE("crop and flip are the numbers that they were before images were turned") {
  const std::array<image_placement, 8> expected{{{1, -3, false},
                                                 {4, 2, true},
                                                 {-3, 4, false},
                                                 {3, 3, true},
                                                 {0, -4, true},
                                                 {-4, -3, true},
                                                 {-4, 0, true},
                                                 {-1, -1, true}}};
  const augmentation what{4, true}, turning{4, true, 10, 0};
  for (index_t i = 0; i < 8; ++i) {
    CHECK(spankey::place_image(what, sample_32, 7, 3, i) == expected[static_cast<std::size_t>(i)]);
    image_placement turned = spankey::place_image(turning, sample_32, 7, 3, i);
    CHECK(turned.degrees != 0);
    turned.degrees = 0;
    CHECK(turned == expected[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("placement: angles are uniform up to the bound, shifts as frequent as rounding makes them") {
  constexpr index_t images = 20000;
  double least = 0, most = 0, sum = 0, squares = 0;
  std::map<index_t, index_t> across, down;
  index_t right_and_clockwise = 0, down_and_clockwise = 0, both = 0;
  for (index_t i = 0; i < images; ++i) {
    const image_placement place = spankey::place_image(mnist, sample_28, 3, 1, i);
    CHECK_FALSE(place.flip);
    least = std::min(least, place.degrees);
    most = std::max(most, place.degrees);
    sum += place.degrees;
    squares += place.degrees * place.degrees;
    ++across[-place.shift_x];
    ++down[-place.shift_y];
    right_and_clockwise += place.degrees > 0 && place.shift_x < 0 ? 1 : 0;
    down_and_clockwise += place.degrees > 0 && place.shift_y < 0 ? 1 : 0;
    both += place.shift_x < 0 && place.shift_y < 0 ? 1 : 0;
  }
  CHECK(least >= -6);
  CHECK(least < -5.99);
  CHECK(most <= 6);
  CHECK(most > 5.99);
  CHECK(std::abs(sum / images) < 0.1);           // 4 standard deviations
  CHECK(std::abs(squares / images - 12) < 0.4);  // variance (2 * 6)^2 / 12
  for (const auto& counts : {across, down}) {
    REQUIRE(counts.size() == 5);
    for (index_t shift = -2; shift <= 2; ++shift) {
      // 0.06 * 28 = 1.68 pixels: |t| < 0.5, up to 1.5, up to 1.68.
      const double share = (std::abs(shift) == 2 ? 0.18 : 1.0) / 3.36;
      CHECK(std::abs(static_cast<double>(counts.at(shift)) - share * images) < 280);
    }
  }
  // Angle, across and down are independent: of each pair a quarter times the share that is shifted at all.
  const double shifted = 1.18 / 3.36;
  CHECK(std::abs(static_cast<double>(right_and_clockwise) - shifted / 2 * images) < 240);
  CHECK(std::abs(static_cast<double>(down_and_clockwise) - shifted / 2 * images) < 240);
  CHECK(std::abs(static_cast<double>(both) - shifted * shifted * images) < 200);
}

TEST_CASE("placement: a shift alone is the crop's shift, by its share of each side") {
  index_t widest = 0, tallest = 0;
  for (index_t i = 0; i < 500; ++i) {
    const image_placement place = spankey::place_image({.shift_fraction = 0.1}, {1, 20, 50}, 1, 0, i);
    CHECK(place.degrees == 0);
    widest = std::max(widest, std::abs(place.shift_x));
    tallest = std::max(tallest, std::abs(place.shift_y));
  }
  CHECK(widest == 5);
  CHECK(tallest == 2);
}

TEST_CASE("placement: turning depends on seed, epoch and image, and on nothing else") {
  const auto differences = [&](std::uint64_t seed, index_t epoch, index_t shift) {
    index_t count = 0;
    for (index_t i = 0; i < 200; ++i) {
      if (spankey::place_image(mnist, sample_28, 1, 1, i).degrees !=
          spankey::place_image(mnist, sample_28, seed, epoch, i + shift).degrees)
        ++count;
    }
    return count;
  };
  CHECK(differences(1, 1, 0) == 0);
  CHECK(differences(2, 1, 0) > 190);
  CHECK(differences(1, 2, 0) > 190);
  CHECK(differences(1, 1, 1) > 190);
}

TEST_CASE("turned and shifted images keep the brightness of what stands in their middle") {
  // A disc of radius 9 around the centre stays inside, whatever MNIST's augmentation does.
  std::vector<std::uint8_t> disc(784);
  double before = 0;
  for (int row = 0; row < 28; ++row) {
    for (int column = 0; column < 28; ++column) {
      const bool inside = std::hypot(row - 13.5, column - 13.5) < 9;
      disc[static_cast<std::size_t>(row * 28 + column)] = inside ? 200 : 0;
      before += inside ? 200 : 0;
    }
  }
  const std::vector<double> table = marked_bytes();
  std::vector<double> x(784);
  double after = 0;
  constexpr index_t images = 300;
  for (index_t i = 0; i < images; ++i) {
    spankey::write_image(disc.data(), sample_28, spankey::place_image(mnist, sample_28, 1, 0, i),
                         table.data(), x.data());
    const double sum = std::accumulate(x.begin(), x.end(), 0.0);
    CHECK(std::abs(sum / before - 1) < 0.05);
    after += sum / images;
  }
  CHECK(after == doctest::Approx(before).epsilon(0.005));
}

TEST_CASE("what cannot happen to an image is refused") {
  const auto message = [](const augmentation& what) {
    return message_of([&] { spankey::require_augmentation(what, {1, 4, 6}, "here"); });
  };
  CHECK(message({4, true, 180, 1}) == "no error");
  CHECK(message({.pad = 5}) == "[spankey.data.122] here: found padding 5, expected 0 to 4");
  CHECK(message({.pad = -1}) == "[spankey.data.122] here: found padding -1, expected 0 to 4");
  CHECK(message({.rotate_degrees = -1}) ==
        "[spankey.data.126] here: found a rotation by up to -1.000000 degrees, expected 0 to 180");
  CHECK(message({.rotate_degrees = 181}).find("data.126") != std::string::npos);
  CHECK(message({.rotate_degrees = std::numeric_limits<double>::quiet_NaN()}).find("data.126") !=
        std::string::npos);
  CHECK(message({.shift_fraction = 1.5}) ==
        "[spankey.data.127] here: found a shift by up to 1.500000 of the image, expected 0 to 1");
  CHECK(message({.shift_fraction = -0.1}).find("data.127") != std::string::npos);
  CHECK(message({.shift_fraction = std::numeric_limits<double>::quiet_NaN()}).find("data.127") !=
        std::string::npos);
}

TEST_CASE("padding that reflects takes the pixel as far inside the edge") {
  image_placement place{-1, 1, false};
  place.reflect = true;
  CHECK(placed(place) == std::vector<double>{12, 1112, 11, 1111, 2, 1102, 1, 1101, 12, 1112, 11, 1111});
  place = {2, -1, true};
  place.reflect = true;
  CHECK(placed(place) == std::vector<double>{21, 1121, 22, 1122, 11, 1111, 12, 1112, 1, 1101, 2, 1102});
}

TEST_CASE("a flip that alternates mirrors every image in one epoch of two, and half of them in each") {
  const augmentation what{.pad = 2, .flip = true, .reflect = true, .alternate = true};
  index_t flips = 0;
  for (index_t i = 0; i < 10000; ++i) {
    const auto in = [&](index_t epoch) { return spankey::place_image(what, sample_32, 5, epoch, i); };
    CHECK(in(0).reflect);
    CHECK(in(0).flip != in(1).flip);
    CHECK(in(0).flip == in(2).flip);
    flips += in(0).flip ? 1 : 0;
  }
  CHECK(std::abs(flips - 5000) < 200);  // 4 standard deviations
  // The crop is drawn anew, as without.
  const augmentation plain{.pad = 2, .flip = true};
  const auto alternating = spankey::place_image(what, sample_32, 5, 3, 17);
  CHECK(alternating.shift_x == spankey::place_image(plain, sample_32, 5, 3, 17).shift_x);
}

TEST_CASE("a reflection that no image has is refused") {
  const auto refused = [](const augmentation& what) {
    return spankey_test::id_of([&] { spankey::require_augmentation(what, sample_2x3x2, "here"); });
  };
  CHECK(refused({.pad = 2, .reflect = true}) == "data.129");  // the image is 2 wide: 1 is the most
  CHECK(refused({.pad = 1, .reflect = true}) == "no error");
  CHECK(refused({.pad = 1, .rotate_degrees = 1, .reflect = true}) == "data.129");
  CHECK(refused({.pad = 1, .shift_fraction = 0.1, .reflect = true}) == "data.129");
}
