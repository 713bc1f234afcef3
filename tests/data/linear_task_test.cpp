#include "spankey/data/linear_task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::message_of;

TEST_CASE("linear task: features are standard normal, and independent of each other") {
  constexpr index_t count = 20000;
  const feature_dataset data = make_linear_task(count, 3, split::train);
  CHECK(data.sample == extents{20, 1, 1});
  CHECK(data.classes == 5);
  REQUIRE(data.values.size() == 20 * count);
  CHECK_NOTHROW(require_usable(data, "here"));
  for (index_t a = 0; a < 20; ++a) {
    double sum = 0;
    std::array<double, 20> products{};
    for (index_t i = 0; i < count; ++i) {
      const float* x = data.features(i);
      sum += double{x[a]};
      for (index_t b = 0; b < 20; ++b) products[static_cast<std::size_t>(b)] += double{x[a]} * double{x[b]};
    }
    CHECK(std::abs(sum / count) < 0.035);  // 5 standard deviations
    for (index_t b = 0; b < 20; ++b)
      CHECK(std::abs(products[static_cast<std::size_t>(b)] / count - (a == b ? 1 : 0)) < 0.05);
  }
}

TEST_CASE("linear task: labels are the teacher's, and every class is there") {
  const feature_dataset data = make_linear_task(5000, 3, split::test);
  const linear_teacher teacher = draw_linear_teacher(3);
  std::array<index_t, 5> seen{};
  for (index_t i = 0; i < data.size(); ++i) {
    // arg-max of W x + b once more, through sums in another order
    std::array<double, 5> score = teacher.b;
    for (std::size_t j = 0; j < 20; ++j)
      for (std::size_t k = 0; k < 5; ++k)
        score[k] += teacher.w[k][j] * double{data.features(i)[static_cast<index_t>(j)]};
    CHECK(data.label(i) == std::max_element(score.begin(), score.end()) - score.begin());
    ++seen[static_cast<std::size_t>(data.label(i))];
  }
  for (const index_t count : seen) CHECK(count > 250);  // 1000 each, were they equally frequent
}

TEST_CASE("linear task: ties go to the first class") {
  linear_teacher teacher{};
  const std::array<float, 20> x{};
  CHECK(teacher.label(x.data()) == 0);
  teacher.b = {-1, -0.5, -2, -0.5, -3};
  CHECK(teacher.label(x.data()) == 1);
}

TEST_CASE("linear task: a function of seed, part and number") {
  const feature_dataset train = make_linear_task(300, 1, split::train),
                        test = make_linear_task(300, 1, split::test);
  const feature_dataset fewer = make_linear_task(40, 1, split::train);
  CHECK(std::equal(fewer.values.begin(), fewer.values.end(), train.values.begin()));
  CHECK(std::equal(fewer.labels.begin(), fewer.labels.end(), train.labels.begin()));

  std::set<std::vector<float>> samples;
  for (const feature_dataset* data : {&train, &test})
    for (index_t i = 0; i < 300; ++i) samples.insert({data->features(i), data->features(i) + 20});
  CHECK(samples.size() == 600);

  CHECK(make_linear_task(300, 2, split::train).values != train.values);
  CHECK(draw_linear_teacher(2).w != draw_linear_teacher(1).w);
  CHECK(draw_linear_teacher(2).b != draw_linear_teacher(1).b);
}

TEST_CASE("linear task: a count outside the part is refused") {
  CHECK(message_of([] { make_linear_task(0, 1, split::train); }) ==
        "[spankey.data.161] linear task: found 0 samples, expected 1 to 1073741823");
  CHECK(message_of([] { make_linear_task(linear_task_test_begin, 1, split::test); }).find("data.161") !=
        std::string::npos);
}
