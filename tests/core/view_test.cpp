// A batch view finds element (n, c, h, w) at ((n*H + h)*W + w)*C + c.
#include "spankey/core/view.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <type_traits>
#include <vector>

using spankey::batch_view;
using spankey::index_t;
using image = spankey::shape<3, 4, 5>;

TEST_CASE("batch_view: elements and samples in channels-last order") {
  std::vector<float> memory(2 * image::size);
  std::iota(memory.begin(), memory.end(), 0.0F);
  const batch_view<float, image> view(memory.data(), 2);
  CHECK(view.samples() == 2);
  CHECK(view.size() == 120);
  CHECK(view.sample(1) == memory.data() + 60);
  for (index_t n = 0; n < 2; ++n)
    for (index_t c = 0; c < 3; ++c)
      for (index_t h = 0; h < 4; ++h)
        for (index_t w = 0; w < 5; ++w)
          CHECK(view(n, c, h, w) == static_cast<float>(((n * 4 + h) * 5 + w) * 3 + c));
  view(1, 2, 3, 4) = -1.0F;
  CHECK(memory.back() == -1.0F);
}

TEST_CASE("batch_view: a mutable view reads as a const one, not the other way") {
  using mutable_view = batch_view<float, image>;
  using const_view = batch_view<const float, image>;
  static_assert(std::is_convertible_v<mutable_view, const_view>);
  static_assert(!std::is_convertible_v<const_view, mutable_view>);
  std::vector<float> memory(image::size);
  const const_view view = mutable_view(memory.data(), 1);
  CHECK(view.data() == memory.data());
  CHECK(const_view().samples() == 0);
}
