#include "spankey/interop/xtensor.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

using namespace spankey;

namespace {
using image = shape<3, 2, 4>;
}

TEST_CASE("xtensor: both orders index the batch's own memory") {
  std::vector<float> memory(2 * image::size);
  std::iota(memory.begin(), memory.end(), 0.0F);
  const batch_view<float, image> batch(memory.data(), 2);
  auto nhwc = as_nhwc(batch);
  auto nchw = as_nchw(batch);
  REQUIRE(nhwc.shape()[3] == 3);
  REQUIRE(nchw.shape()[1] == 3);
  for (index_t n = 0; n < 2; ++n)
    for (index_t c = 0; c < 3; ++c)
      for (index_t h = 0; h < 2; ++h)
        for (index_t w = 0; w < 4; ++w) {
          CHECK(nhwc(n, h, w, c) == batch(n, c, h, w));
          CHECK(nchw(n, c, h, w) == batch(n, c, h, w));
        }
  nchw(1, 2, 1, 3) = -7.0F;
  CHECK(memory.back() == -7.0F);
}

TEST_CASE("xtensor: a batch of no samples is an empty expression") {
  const batch_view<float, image> none;
  CHECK(as_nhwc(none).size() == 0);
}
