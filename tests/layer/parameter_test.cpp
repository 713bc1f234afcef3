#include "spankey/layer/parameter.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace spankey;

TEST_CASE("parameter_extents: every element has one memory and one file position") {
  const parameter_extents dims{.o = 3, .i = 2, .h = 2, .w = 4, .file_rank = 4};
  std::map<index_t, index_t> file_of;
  dims.for_each_position([&](index_t memory, index_t file) { file_of[memory] = file; });
  CHECK(file_of.size() == 48);
  std::vector<int> seen(48, 0);
  for (const auto& [memory, file] : file_of) ++seen.at(static_cast<std::size_t>(file));
  CHECK(seen == std::vector<int>(48, 1));
  // memory (h, w, i, o) = (1, 2, 1, 0) is file (o, i, h, w) = (0, 1, 1, 2)
  CHECK(file_of.at(((1 * 4 + 2) * 2 + 1) * 3 + 0) == ((0 * 2 + 1) * 2 + 1) * 4 + 2);
}

TEST_CASE("parameter: its buffers; a second moment only where one is kept") {
  std::vector<std::string> names;
  const auto listed = [&](parameter<float>& p) {
    names.clear();
    const auto visit = [&](const scope& at, buffer<float>&, index_t count, lifetime life) {
      CHECK(count == 6);
      CHECK(life == lifetime::kept);
      names.push_back(at.str());
    };
    p.for_each_buffer(visit, scope{nullptr, "w"});
    return names;
  };
  parameter<float> p{.dims = {.o = 2, .i = 3}};
  CHECK(listed(p) == std::vector<std::string>{"w.value", "w.gradient", "w.momentum"});
  p.keeps_second_moment = true;
  CHECK(listed(p) == std::vector<std::string>{"w.value", "w.gradient", "w.momentum", "w.second_moment"});
}

TEST_CASE("parameter_extents: file shapes") {
  CHECK(parameter_extents{.o = 5}.file_shape()[0] == 5);
  CHECK(parameter_extents{7, 2, 3, 3, 2}.file_shape() == std::array<index_t, 4>{7, 18, 1, 1});
  CHECK(parameter_extents{7, 2, 3, 1, 4}.file_shape() == std::array<index_t, 4>{7, 2, 3, 1});
}
