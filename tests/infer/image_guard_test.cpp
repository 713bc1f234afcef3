// Costs 3 s to compile.
#include "spankey/infer/image_guard.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <vector>

using namespace spankey;
using infer::guard_entry;
using infer::status;

namespace {

constexpr std::array<extents, 3> shapes = {extents{1, 2, 2}, {4, 1, 1}, {3, 1, 1}};

// What stands behind 32 bytes of an image whose sites 1 and 2 take keys: two rows, and none.
struct written {
  infer::image_header header;
  alignas(16) std::array<std::byte, 32 + 16 + 32 + 16> bytes{};

  written() {
    header.injector = infer::image_header::guarded;
    header.sites = 6;
    const guard_entry first{0.1, 2, 4}, second{0, 0, 3};
    const std::array<float, 8> rows = {1, 0, 0, 0, 0, 1, 0, 0};
    std::memcpy(bytes.data() + 32, &first, 16);
    std::memcpy(bytes.data() + 48, rows.data(), 32);
    std::memcpy(bytes.data() + 80, &second, 16);
  }
  [[nodiscard]] status check(std::size_t size = 96) const {
    return infer::check_guard(header, shapes, {bytes.data(), size}, 32);
  }
  [[nodiscard]] bool lets_in(const std::vector<float>& key) const {
    const std::vector<float> other(3, 0.0F);
    return infer::lets_key_in(header, shapes, bytes.data(), 32, [&](std::size_t i) {
      return std::as_bytes(std::span<const float>(i == 0 ? key : other));
    });
  }
  template <class T>
  void put(std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
};

}  // namespace

TEST_CASE("an image says which keys are let in") {
  const written image;
  REQUIRE(image.check() == status::ok);
  CHECK(image.lets_in({0, 0, 3, 4}));
  CHECK(image.lets_in({0.5F, 0, 3, 4}));
  CHECK_FALSE(image.lets_in({0, 4, 3, 4}));
  CHECK_FALSE(image.lets_in({0, 0, 0, 0}));
}

TEST_CASE("an image that does not ask lets everybody in") {
  written image;
  image.header.injector = 2;
  CHECK(image.check(32) == status::ok);
  CHECK(image.check() == status::image_size);
  CHECK(image.lets_in({0, 4, 3, 4}));
}

TEST_CASE("an image that asks keys at no site would let nobody in") {
  written image;
  image.header.sites = 0;
  CHECK(image.check(32) == status::image_format);
}

TEST_CASE("bytes that say nothing sound are refused, however large the numbers in them") {
  for (const std::size_t size : std::initializer_list<std::size_t>{32, 33, 47, 48, 64, 80, 95})
    CHECK(written().check(size) == status::image_size);
  const auto after = [](std::size_t at, auto value) {
    written image;
    image.put(at, value);
    return image.check();
  };
  CHECK(after(40, std::uint32_t{5}) == status::image_format);  // more rows than numbers
  CHECK(after(40, std::uint32_t{0xFFFFFFFF}) == status::image_format);
  CHECK(after(40, std::uint32_t{4}) == status::image_size);
  CHECK(after(44, std::uint32_t{3}) == status::image_format);  // another site
  CHECK(after(44, std::uint32_t{0}) == status::image_format);
  CHECK(after(32, std::numeric_limits<double>::quiet_NaN()) == status::image_not_finite);
  CHECK(after(52, std::numeric_limits<float>::infinity()) == status::image_not_finite);
}
