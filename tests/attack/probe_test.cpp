#include "spankey/attack/probe.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "error_probe.hpp"

using namespace spankey;

namespace {

struct points {
  std::vector<float> x;
  std::vector<int> labels;
};
// Two numbers in (-1, 1), and one that never changes; the label is which side of x0 = x1, or whether both have one sign.
points drawn(int count, std::uint64_t seed, bool by_sign) {
  const random_source random(seed, stream::attack, 500);
  points p;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i) {
    const double a = 2 * random.uniform(2 * i) - 1, b = 2 * random.uniform(2 * i + 1) - 1;
    p.x.insert(p.x.end(), {static_cast<float>(a), static_cast<float>(b), 5.0F});
    p.labels.push_back(by_sign ? (a > 0) == (b > 0) : a > b);
  }
  return p;
}
double right(const points& train, const points& test, const probe_options& options) {
  probe fitted(train.x, 3, train.labels, 2, options);
  const std::vector<int> answers = fitted.answers(test.x);
  double count = 0;
  for (std::size_t i = 0; i < test.labels.size(); ++i) count += answers[i] == test.labels[i] ? 1 : 0;
  return count / static_cast<double>(test.labels.size());
}

}  // namespace

TEST_CASE("probe: a line is found by a linear map, and what is no line only with a hidden layer") {
  const probe_options linear{.rate = 1e-2}, deep{.hidden = 32, .rate = 1e-2, .epochs = 60};
  CHECK(right(drawn(400, 1, false), drawn(300, 2, false), linear) > 0.95);
  CHECK(right(drawn(400, 1, true), drawn(300, 2, true), linear) < 0.65);
  CHECK(right(drawn(400, 1, true), drawn(300, 2, true), deep) > 0.9);
  // Labels that say nothing are not learnt.
  points noise = drawn(400, 1, false);
  const random_source random(9, stream::attack, 501);
  for (std::size_t i = 0; i < noise.labels.size(); ++i) noise.labels[i] = random.uniform(i) < 0.5 ? 0 : 1;
  CHECK(right(noise, drawn(300, 2, false), linear) < 0.75);
}

TEST_CASE("probe: the same again, a ridge holds it back, and no samples are an error") {
  const points some = drawn(200, 3, false);
  CHECK(right(some, some, {.seed = 1}) == right(some, some, {.seed = 1}));
  CHECK(right(some, some, {.ridge = 100}) < right(some, some, {.rate = 1e-2}));
  const auto with = [](std::vector<float> x, std::vector<int> labels) {
    return spankey_test::id_of([&] { const probe fitted(x, 3, labels, 2, {}); });
  };
  CHECK(with({}, {}) == "attack.130");
  CHECK(with({1, 2}, {0}) == "attack.130");
  CHECK(with({1, 2, 3}, {0}) == "no error");
}
