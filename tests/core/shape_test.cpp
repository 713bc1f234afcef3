// Static shapes, and the one place that relates memory order (H, W, C) to file order (C, H, W).
#include "spankey/core/shape.hpp"

#include <doctest/doctest.h>

#include <vector>

using spankey::extents;
using spankey::index_t;

TEST_CASE("shape: sizes, and extents with the same numbers") {
  using image = spankey::shape<3, 32, 16>;
  static_assert(image::size == 3 * 32 * 16);
  static_assert(spankey::shape<10>::size == 10);
  static_assert(spankey::extents_of<image> == extents{3, 32, 16});
  static_assert(spankey::extents_of<image> != extents{3, 16, 32});
  CHECK(spankey::extents_of<image>.size() == image::size);
}

TEST_CASE("file_index: (h, w, c) in memory is (c, h, w) in files, one to one") {
  const extents e{3, 4, 5};
  std::vector<int> seen(static_cast<std::size_t>(e.size()), 0);
  for (index_t h = 0; h < 4; ++h)
    for (index_t w = 0; w < 5; ++w)
      for (index_t c = 0; c < 3; ++c) {
        const index_t file = spankey::file_index(e, (h * 5 + w) * 3 + c);
        CHECK(file == (c * 4 + h) * 5 + w);
        ++seen[static_cast<std::size_t>(file)];
      }
  for (const int times : seen) CHECK(times == 1);
}

TEST_CASE("file_index: a feature vector keeps its order") {
  for (index_t i = 0; i < 7; ++i) CHECK(spankey::file_index({7, 1, 1}, i) == i);
}
