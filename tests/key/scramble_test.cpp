#include "spankey/key/scramble.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include "spankey/backend/cpu/parallel.hpp"

using namespace spankey;

namespace {
const random_source source(7, stream::invalid_keys, 2);

// Keys whose element at file position f of row s is 1 + f + 1000 s.
std::vector<float> numbered(const extents& e, index_t n) {
  std::vector<float> k(static_cast<std::size_t>(n * e.size()));
  for (index_t s = 0; s < n; ++s)
    for (index_t i = 0; i < e.size(); ++i)
      k[static_cast<std::size_t>(s * e.size() + i)] = static_cast<float>(1 + file_index(e, i) + 1000 * s);
  return k;
}
std::vector<float> in_file_order(const extents& e, const float* key) {
  std::vector<float> file(static_cast<std::size_t>(e.size()));
  for (index_t i = 0; i < e.size(); ++i) file[static_cast<std::size_t>(file_index(e, i))] = key[i];
  return file;
}

using scrambler = void (*)(const extents&, const random_source&, number_range, const row_selection&, float*);
constexpr scrambler both[] = {permute_elements, flip_half_of_signs};
}  // namespace

TEST_CASE("index_reader draws what random_source::below draws, in any order") {
  index_reader random(source);
  for (const std::uint64_t index : {0U, 1U, 9U, 8U, 11U, 2U, 400U})
    CHECK(random.below(index, 12345) == static_cast<index_t>(source.below(index, 12345)));
}

TEST_CASE("permute_elements keeps the elements; every order is equally likely") {
  const extents e{3, 4, 5};
  auto k = numbered(e, 2);
  permute_elements(e, source, {0, e.size()}, 2, k.data());
  const auto before = numbered(e, 2);
  CHECK(std::is_permutation(k.begin(), k.begin() + 60, before.begin()));
  CHECK(std::is_permutation(k.begin() + 60, k.end(), before.begin() + 60));
  index_t moved = 0;
  for (std::size_t i = 0; i < 60; ++i) moved += k[i] != before[i] ? 1 : 0;
  CHECK(moved > 50);

  std::map<std::vector<float>, int> orders;
  for (index_t s = 0; s < 6000; ++s) {
    std::vector<float> three{1, 2, 3};
    permute_elements({3}, source, {static_cast<std::uint64_t>(3 * s), 3}, 1, three.data());
    ++orders[three];
  }
  CHECK(orders.size() == 6);
  for (const auto& [order, count] : orders) CHECK(std::abs(count - 1000) < 5 * 29);  // five standard errors
}

TEST_CASE("flip_half_of_signs changes exactly half of the signs; every element equally often") {
  for (const index_t d : {1, 2, 7, 64}) {
    std::vector<int> flips(static_cast<std::size_t>(d));
    for (index_t s = 0; s < 2000; ++s) {
      std::vector<float> k(static_cast<std::size_t>(d));
      std::iota(k.begin(), k.end(), 1.0F);
      flip_half_of_signs({d}, source, {static_cast<std::uint64_t>(d * s), d}, 1, k.data());
      index_t flipped = 0;
      for (std::size_t i = 0; i < k.size(); ++i) {
        CHECK(std::abs(k[i]) == static_cast<float>(i + 1));
        flipped += k[i] < 0 ? 1 : 0;
        flips[i] += k[i] < 0 ? 1 : 0;
      }
      REQUIRE(flipped == d / 2);
    }
    const double share = static_cast<double>(d / 2) / static_cast<double>(d);
    for (const int f : flips) CHECK(std::abs(f - 2000 * share) <= 5 * std::sqrt(2000 * share * (1 - share)));
  }
}

TEST_CASE("both: the memory order, the other rows and the number of threads do not matter") {
  const extents image{4, 3, 5}, flat{60};
  const number_range range{std::uint64_t{1} << 39, 75};
  for (const scrambler scramble : both) {
    auto k = numbered(image, 3), same = numbered(flat, 3);
    scramble(image, source, range, 3, k.data());
    scramble(flat, source, range, 3, same.data());
    for (index_t s = 0; s < 3; ++s)
      CHECK(in_file_order(image, k.data() + s * 60) ==
            std::vector<float>(same.begin() + s * 60, same.begin() + (s + 1) * 60));
    const std::vector<index_t> listed{2};
    auto one = numbered(image, 3);
    scramble(image, source, range, std::span<const index_t>(listed), one.data());
    CHECK(std::equal(one.begin() + 120, one.end(), k.begin() + 120));
    const auto before = numbered(image, 3);
    CHECK(std::equal(one.begin(), one.begin() + 120, before.begin()));
    const thread_limit limit(1);
    auto alone = numbered(image, 3);
    scramble(image, source, range, 3, alone.data());
    CHECK(alone == k);
  }
}
