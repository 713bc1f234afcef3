// Costs 3 s to compile.
#include "spankey/infer/key_effects.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "spankey/backend/reference/reference.hpp"

using namespace spankey;

namespace {

constexpr infer::keyed_site site = {{2, 1, 3}, 2};  // C, H, W
using numbers = std::array<float, 6>;

infer::image_header header_of(injector_kind kind) {
  infer::image_header header;
  header.injector = static_cast<std::uint32_t>(kind), header.gamma = 0.5F;
  if (kind == injector_kind::reading) header.injector |= 64U << 16U;
  return header;
}
// At an address that no float stands at.
struct odd_bytes {
  std::vector<std::byte> bytes;
  explicit odd_bytes(const numbers& key) : bytes(sizeof key + 1) {
    std::memcpy(bytes.data() + 1, key.data(), sizeof key);
  }
  [[nodiscard]] const std::byte* data() const { return bytes.data() + 1; }
};

}  // namespace

TEST_CASE("effects of a key: what its injector does to 1, or to 0, channels last") {
  const numbers key = {-2, -1, 0, 1, 2, 3};
  numbers effects{};
  for (const injector_kind kind : {injector_kind::additive, injector_kind::multiplicative}) {
    infer::compute_effects<backend::reference>(header_of(kind), site, odd_bytes(key).data(), effects.data());
    for (index_t c = 0; c < 2; ++c)
      for (index_t w = 0; w < 3; ++w) {
        const float k = key[static_cast<std::size_t>(c * 3 + w)];
        const float expected = kind == injector_kind::additive ? additive{0.5F}.forward(0.0F, k)
                                                               : multiplicative{0.5F}.forward(1.0F, k);
        CHECK(effects[static_cast<std::size_t>(w * 2 + c)] == expected);
      }
  }
}

TEST_CASE("effects of a key: of one that is read, what the injector does to 1 and to 0 in every channel") {
  const numbers key = {-2, -1, 0, 1, 2, 3};
  const reading policy{.gamma = 0.5F};
  const site_geometry geometry{2, 3, key_shape::element};
  numbers in_memory_order{}, of_zeros{}, of_ones{}, zeros{}, ones{};
  ones.fill(1);
  for (index_t i = 0; i < 6; ++i)
    in_memory_order[static_cast<std::size_t>(i)] = key[static_cast<std::size_t>(file_index(site.key, i))];
  policy.forward(geometry, zeros.data(), in_memory_order.data(), of_zeros.data());
  policy.forward(geometry, ones.data(), in_memory_order.data(), of_ones.data());
  std::array<float, 4> effects{};
  infer::compute_effects<backend::reference>(header_of(injector_kind::reading), site, odd_bytes(key).data(),
                                             effects.data());
  for (std::size_t c = 0; c < 2; ++c) {
    CHECK(effects[2 + c] == of_zeros[c]);
    CHECK(effects[c] + effects[2 + c] == doctest::Approx(of_ones[c]));
    CHECK(effects[c] != doctest::Approx(1));
  }
}

TEST_CASE("effects of a key: numbers that are none are found, and sums that grow to none") {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  for (const injector_kind kind :
       {injector_kind::additive, injector_kind::multiplicative, injector_kind::reading}) {
    infer::image_header header = header_of(kind);
    const auto is_finite = [&](const numbers& key) {
      return infer::is_finite_key(header, site, odd_bytes(key).data());
    };
    CHECK(is_finite({1, 2, 3, 4, 5, 6}));
    CHECK_FALSE(is_finite({1, 2, 3, 4, 5, nan}));
    CHECK_FALSE(is_finite({infinity, 2, 3, 4, 5, 6}));
    header.gamma = 1e30F;  // a factor stays between bounds; what is added, and squares, do not
    CHECK(is_finite({1e30F, 0, 0, 0, 0, 0}) == (kind == injector_kind::multiplicative));
  }
}
