#include "spankey/train/site_buffers.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "error_probe.hpp"
#include "recording_model.hpp"

using namespace spankey;
using test::recording_model;

using spankey_test::message_of;

TEST_CASE("sites_of: shapes from the model, in the caller's order") {
  const std::vector<int> both = {1, 0}, none;
  const auto sites = sites_of<recording_model>(both);
  REQUIRE(sites.size() == 2);
  CHECK(sites[0] == site{1, {2, 3, 1}});
  CHECK(sites[1] == site{0, {4, 1, 1}});
  CHECK(sites_of<recording_model>(none).empty());
}

TEST_CASE("sites_of: an unknown site is refused by its number") {
  for (const int number : {-1, 2, 1000}) {
    const std::vector<int> enabled = {0, number};
    CHECK(message_of([&] { sites_of<recording_model>(enabled); }) ==
          "[spankey.key.201] sites: found site " + std::to_string(number) + ", expected 0 to 1");
  }
}

TEST_CASE("require_sites_of: number and shape of every site are the model's") {
  const auto check = [](std::vector<site> sites) {
    return message_of([&] { require_sites_of<recording_model>(sites, "here"); });
  };
  CHECK(check({}) == "no error");
  CHECK(check({{1, {2, 3, 1}}, {0, {4, 1, 1}}}) == "no error");
  CHECK(check({{0, {4, 1, 1}}, {2, {4, 1, 1}}}) ==
        "[spankey.train.111] here: the key space has site 2, the model has the sites 0 to 1");
  CHECK(check({{-1, {4, 1, 1}}}).find("train.111") != std::string::npos);
  CHECK(check({{1, {3, 2, 1}}}) ==
        "[spankey.train.112] here: site 1 has C=3 H=2 W=1 in the key space, C=2 H=3 W=1 in the model");
}

TEST_CASE("site_buffers: views of one key per sample, or of one key for all") {
  const std::vector<site> sites = {{1, {2, 3, 1}}, {0, {4, 1, 1}}};
  const site_buffers buffers(sites, 5);
  REQUIRE(buffers.outputs().size() == 2);
  std::fill_n(buffers.outputs()[0], 5 * 6, 1.0F);
  std::fill_n(buffers.outputs()[1], 5 * 4, 2.0F);
  CHECK(buffers.outputs()[0][5 * 6 - 1] == 1.0F);

  model_keys<float, 2> keys{};
  buffers.bind(keys, 0, true);
  buffers.bind(keys, 2, false);
  for (const std::size_t group : {std::size_t{0}, std::size_t{2}}) {
    CHECK(keys[1].group[group].values.data() == buffers.outputs()[0]);
    CHECK(keys[0].group[group].values.data() == buffers.outputs()[1]);
    CHECK(keys[1].group[group].values.size() == (group == 0 ? 5 * 6 : 6));
    CHECK(keys[0].group[group].values.size() == (group == 0 ? 5 * 4 : 4));
    CHECK(keys[1].group[group].stride == (group == 0 ? 6 : 0));
    CHECK(keys[0].group[group].stride == (group == 0 ? 4 : 0));
  }
  for (const auto& s : keys) CHECK(s.group[1].values.data() == nullptr);
}

TEST_CASE("site_buffers: sites that a run leaves out get no key") {
  const std::vector<site> sites = {{1, {2, 3, 1}}};
  const site_buffers buffers(sites, 1);
  model_keys<float, 2> keys{};
  buffers.bind(keys, 0, false);
  CHECK(keys[0].group[0].values.data() == nullptr);
  CHECK(keys[1].group[0].values.data() == buffers.outputs()[0]);
  CHECK(site_buffers({}, 3).outputs().empty());
}
