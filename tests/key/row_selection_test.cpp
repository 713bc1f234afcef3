#include "spankey/key/row_selection.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace spankey;

namespace {
using run = std::array<index_t, 3>;
std::vector<run> runs_of(const row_selection& rows) {
  std::vector<run> found;
  rows.for_each_run([&](index_t position, index_t row, index_t count) {
    found.push_back({position, row, count});
  });
  return found;
}
}  // namespace

TEST_CASE("the first n rows are one run") {
  const row_selection rows(7);
  CHECK(rows.size() == 7);
  CHECK(rows[0] == 0);
  CHECK(rows[6] == 6);
  CHECK(runs_of(rows) == std::vector<run>{{0, 0, 7}});
}

TEST_CASE("a list keeps its order and is cut where numbers are no neighbours") {
  const std::vector<index_t> listed{3, 4, 5, 9, 1, 2};
  const row_selection rows{std::span<const index_t>(listed)};
  CHECK(rows.size() == 6);
  CHECK(rows[3] == 9);
  CHECK(runs_of(rows) == std::vector<run>{{0, 3, 3}, {3, 9, 1}, {4, 1, 2}});
  CHECK(runs_of(std::span<const index_t>(listed).first(1)) == std::vector<run>{{0, 3, 1}});
  CHECK(runs_of(std::span<const index_t>()).empty());
}
