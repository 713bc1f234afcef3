#include "spankey/key/issued_key.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "drawn_keys.hpp"
#include "error_probe.hpp"

using namespace drawn_keys;

namespace {

// Not in the order of their numbers, and not square.
const std::vector<site> shuffled{{3, {4, 3, 2}}, {0, {2, 5, 4}}};

}  // namespace

TEST_CASE("in_file_order: sites by their numbers, elements by channel, row and column") {
  // Element (c, h, w) of site n is 1000 n + 100 c + 10 h + w.
  keys drawn(shuffled, 1);
  for (std::size_t s = 0; s < shuffled.size(); ++s) {
    const auto& [number, e] = shuffled[s];
    std::size_t next = 0;
    for (index_t h = 0; h < e.height; ++h)
      for (index_t w = 0; w < e.width; ++w)
        for (index_t c = 0; c < e.channels; ++c)
          drawn.values[s][next++] = static_cast<float>(1000 * number + 100 * c + 10 * h + w);
  }
  const std::vector<const float*> rows(drawn.outputs.begin(), drawn.outputs.end());
  const std::vector<site_key> ordered = in_file_order(shuffled, rows);
  REQUIRE(ordered.size() == 2);
  CHECK(ordered[0].at == shuffled[1]);
  CHECK(ordered[1].at == shuffled[0]);
  for (const auto& [at, values] : ordered) {
    REQUIRE(static_cast<index_t>(values.size()) == at.shape.size());
    std::size_t next = 0;
    for (index_t c = 0; c < at.shape.channels; ++c)
      for (index_t h = 0; h < at.shape.height; ++h)
        for (index_t w = 0; w < at.shape.width; ++w)
          CHECK(values[next++] == static_cast<float>(1000 * at.number + 100 * c + 10 * h + w));
  }
  CHECK(spankey_test::message_of([&] { in_file_order(shuffled, std::span(rows).first(1)); }) ==
        "[spankey.key.122] in_file_order: expected 2 keys, one per site, found 1");
}

TEST_CASE("issue_key: valid, rescaled, another one for every number, the same in every process") {
  for (const key_space_config& config : arrangements) {
    key_space space(config, three_sites);
    (void)valid(space, 3);  // draws of a batch leave no trace
    const std::vector<site_key> first = issue_key(space, 0), second = issue_key(space, 1);
    key_space again(config, three_sites);
    const std::vector<site_key> repeated = issue_key(again, 0);
    REQUIRE(first.size() == three_sites.size());
    for (std::size_t s = 0; s < first.size(); ++s) {
      const subspace& span = space.subspace_of(static_cast<index_t>(s));
      const extents& shape = first[s].at.shape;
      CHECK(first[s].values == repeated[s].values);
      std::vector<float> in_memory(first[s].values.size());
      for (index_t i = 0; i < shape.size(); ++i)
        in_memory[static_cast<std::size_t>(memory_index(shape, i))] =
            first[s].values[static_cast<std::size_t>(i)];
      CHECK(span.energy_share(in_memory.data()) == doctest::Approx(1).epsilon(1e-5));
      CHECK(cosine(first[s].values.data(), second[s].values.data(), span.size()) < 0.999);
    }
    // A shared key has its deviation at the widest site, of which the others take a part.
    const std::size_t widest = 1;
    CHECK(plain_std(first[widest].values.data(), first[widest].at.shape.size()) ==
          doctest::Approx(1).epsilon(1e-4));
  }
}
