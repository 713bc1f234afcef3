#include "spankey/data/augment.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

namespace {

using spankey::augmentation;
using spankey::image_placement;
using spankey::index_t;

constexpr spankey::extents sample_2x3x2{2, 3, 2};  // C=2, H=3, W=2
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
    CHECK(spankey::place_image(augmentation{}, 1, 2, i) == image_placement{0, 0, false});
  }
}

TEST_CASE("placement: every offset is as frequent as any other, and half of the images are flipped") {
  constexpr index_t images = 25000;
  std::map<std::pair<index_t, index_t>, index_t> windows;
  index_t flips = 0, flips_at_origin = 0;
  for (index_t i = 0; i < images; ++i) {
    const image_placement place = spankey::place_image({2, true}, 7, 3, i);
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
      if (!(spankey::place_image(what, 1, 1, i) == spankey::place_image(what, seed, epoch, i + shift)))
        ++count;
    }
    return count;
  };
  CHECK(differences(1, 1, 0) == 0);
  CHECK(differences(2, 1, 0) > 190);
  CHECK(differences(1, 2, 0) > 190);
  CHECK(differences(1, 1, 1) > 190);
}
