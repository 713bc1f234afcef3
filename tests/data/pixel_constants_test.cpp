#include "spankey/data/pixel_constants.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "spankey/data/dataset.hpp"

using spankey::image_dataset;

TEST_CASE("mean and deviation are those of all pixels, channel by channel") {
  // Channel 0: 0, 51, 102, 255; channel 1: always 7.
  const image_dataset data{"two", {2, 1, 2}, 2, {0, 7, 51, 7, 102, 7, 255, 7}, {0, 1}, {}, {}};
  const spankey::pixel_constants found = spankey::measured_pixels(data);
  REQUIRE(found.mean.size() == 2);
  CHECK(found.mean[0] == doctest::Approx(0.4));
  CHECK(found.deviation[0] == doctest::Approx(std::sqrt((0.16 + 0.04 + 0 + 0.36) / 4)));
  CHECK(found.mean[1] == doctest::Approx(7 / 255.0));
  CHECK(found.deviation[1] == 1);  // nothing to divide by
}
