#include "spankey/data/split.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "spankey/data/dataset.hpp"

using spankey::class_label;
using spankey::feature_dataset;
using spankey::image_dataset;
using spankey::index_t;
using spankey::part_of;
using spankey::split;

namespace {

// Sample i holds (i, i) and is of class i mod 3, but for the last, which is alone in class 4; none is of class 3.
feature_dataset numbers(index_t count) {
  feature_dataset data{"numbers", {2, 1, 1}, 5, {}, {}};
  for (index_t i = 0; i < count; ++i) {
    data.values.insert(data.values.end(), 2, static_cast<float>(i));
    data.labels.push_back(static_cast<class_label>(i + 1 == count ? 4 : i % 3));
  }
  return data;
}

}  // namespace

TEST_CASE("every sample is in one part, with its label, and the last fifth of every class in the test") {
  const feature_dataset train = part_of(numbers(46), split::train), test = part_of(numbers(46), split::test);
  CHECK(train.size() == 3 * 12 + 1);  // the one of class 4 has nothing to share
  CHECK(test.size() == 3 * 3);
  std::vector<int> of_class(5, 0);
  std::set<float> seen;
  for (const feature_dataset* part : {&train, &test}) {
    CHECK(part->values.size() == 2 * part->labels.size());
    float before = -1;
    for (index_t i = 0; i < part->size(); ++i) {
      const float value = part->features(i)[0];
      CHECK(part->features(i)[1] == value);
      CHECK(part->label(i) == (value == 45 ? 4 : static_cast<int>(value) % 3));
      CHECK(value > before);  // in their order
      before = value;
      seen.insert(value);
      if (part == &test) ++of_class[static_cast<std::size_t>(part->label(i))];
    }
  }
  CHECK(seen.size() == 46);
  CHECK(of_class == std::vector<int>{3, 3, 3, 0, 0});
}

TEST_CASE("the split is a function of the seed") {
  CHECK(part_of(numbers(46), split::test).values == part_of(numbers(46), split::test).values);
  CHECK(part_of(numbers(46), split::test, 1).values != part_of(numbers(46), split::test, 2).values);
}

TEST_CASE("images are split as features are") {
  const image_dataset images{"images", {1, 1, 2}, 2, {1, 1, 2, 2, 3, 3, 4, 4}, {0, 1, 0, 1}, {0}, {1}};
  const image_dataset train = part_of(images, split::train), test = part_of(images, split::test);
  CHECK(train.size() == 2);
  CHECK(test.size() == 2);
  CHECK(train.image(0)[1] + test.image(0)[1] + train.image(1)[1] + test.image(1)[1] == 10);
  spankey::require_usable(train, "test");
}
