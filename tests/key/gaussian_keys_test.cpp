#include "spankey/key/gaussian_keys.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "spankey/key/gaussian.hpp"

using namespace spankey;

namespace {
const random_source source(31, stream::invalid_keys, 4);
// Below, at and above one block; several channels, one channel, one position.
const extents every_shape[] = {{5, 3, 4},   {16, 16, 16}, {9, 31, 17}, {40, 20, 17},
                               {300, 4, 4}, {1, 80, 70},  {6000}};
}  // namespace

TEST_CASE("gaussian keys: element (sample, file position) is number base + sample*row + position") {
  for (const extents& e : every_shape) {
    const index_t d = e.size(), n = 3;
    const number_range range{std::uint64_t{2} << 40, d + 13};
    std::vector<float> k(static_cast<std::size_t>(n * d) + 1, -77.0F), expected(static_cast<std::size_t>(d));
    draw_gaussian_keys(e, source, range, n, k.data());
    CHECK(k.back() == -77.0F);
    for (index_t s = 0; s < n; ++s) {
      fill_gaussian(source, range.base + static_cast<std::uint64_t>(s * range.row), expected.data(), d);
      bool same = true;
      for (index_t i = 0; i < d; ++i)
        same = same &&
               k[static_cast<std::size_t>(s * d + i)] == expected[static_cast<std::size_t>(file_index(e, i))];
      CHECK(same);
    }
  }
}

TEST_CASE("gaussian keys: selected rows are written, others left alone") {
  const std::vector<index_t> listed{3, 0};
  for (const extents& e : every_shape) {
    const index_t d = e.size();
    std::vector<float> all(static_cast<std::size_t>(4 * d)), some(all.size(), 5.0F);
    draw_gaussian_keys(e, source, {8, d}, 4, all.data());
    draw_gaussian_keys(e, source, {8, d}, std::span<const index_t>(listed), some.data());
    for (index_t row = 0; row < 4; ++row) {
      const auto first = some.begin() + row * d;
      if (row == 0 || row == 3) {
        CHECK(std::equal(first, first + d, all.begin() + row * d));
      } else {
        CHECK(std::count(first, first + d, 5.0F) == d);
      }
    }
  }
}
