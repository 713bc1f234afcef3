#include "spankey/data/resize.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "error_probe.hpp"

using spankey::extents;
using spankey::image_dataset;
using spankey::index_t;
using bytes = std::vector<std::uint8_t>;

namespace {

bytes resized(const bytes& in, const extents& from, index_t height, index_t width) {
  bytes out(static_cast<std::size_t>(height * width * from.channels));
  spankey::resize_image(in.data(), from, height, width, out.data());
  return out;
}

}  // namespace

TEST_CASE("weights of a row that grows and of one that shrinks") {
  CHECK(resized({0, 100}, {1, 1, 2}, 1, 4) == bytes{0, 25, 75, 100});
  // Each pixel of two is the mean of those that it covers: 0.75, 0.75, 0.25 of 1.75.
  CHECK(resized({0, 100, 200, 255}, {1, 1, 4}, 1, 2) == bytes{71, 209});
  // A line one pixel wide is still there.
  const bytes line = resized({0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 1, 16}, 1, 2);
  CHECK(line[0] > 20);
  CHECK(line[1] < line[0]);
}

TEST_CASE("columns as rows, channels each for itself, and the same size as it was") {
  CHECK(resized({0, 100}, {1, 2, 1}, 4, 1) == bytes{0, 25, 75, 100});
  CHECK(resized({0, 200, 100, 0}, {2, 1, 2}, 1, 4) == bytes{0, 200, 25, 150, 75, 50, 100, 0});
  const bytes image = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  CHECK(resized(image, {2, 2, 3}, 2, 3) == image);
  for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{93}, std::uint8_t{255}})
    CHECK(resized(bytes(7 * 5, value), {1, 7, 5}, 3, 11) == bytes(3 * 11, value));
}

TEST_CASE("a data set of another size") {
  const image_dataset two{"two", {1, 1, 2}, 2, {0, 100, 100, 0}, {0, 1}, {0.5F}, {0.5F}};
  const image_dataset four = spankey::resized(two, 1, 4);
  CHECK(four.sample == extents{1, 1, 4});
  CHECK(four.pixels == bytes{0, 25, 75, 100, 100, 75, 25, 0});
  CHECK(four.labels == two.labels);
  CHECK(spankey::resized(two, 1, 2).pixels == two.pixels);
  for (const index_t side : {0, -1, 4097})
    spankey_test::check_refused([&] { static_cast<void>(spankey::resized(two, 4, side)); }, "data.197",
                                {"4 x ", "1 to 4096"});
}
