#include "spankey/optim/schedule.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <utility>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::id_of;

namespace {
std::vector<double> rates(const schedule& plan, std::uint64_t epochs, std::uint64_t steps_per_epoch) {
  std::vector<double> all;
  for (std::uint64_t s = 0; s < epochs * steps_per_epoch; ++s)
    all.push_back(plan.at(s, epochs, steps_per_epoch));
  return all;
}
void check_close(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t s = 0; s < got.size(); ++s) {
    INFO("step ", s);
    CHECK(got[s] == doctest::Approx(expected[s]).epsilon(1e-10));
  }
}
}  // namespace

TEST_CASE("schedule: constant") {
  check_close(rates({.kind = schedule_kind::constant, .learning_rate = 0.3}, 2, 2), {0.3, 0.3, 0.3, 0.3});
}

TEST_CASE("schedule: step falls at the first step of the epoch of each milestone") {
  const schedule plan{.kind = schedule_kind::step, .learning_rate = 0.1, .milestones = {0.5, 0.75}};
  check_close(rates(plan, 4, 3), {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001});
  // 40 epochs of 391 steps: epochs 20 and 30, as the published recipe.
  CHECK(plan.at(20 * 391 - 1, 40, 391) == doctest::Approx(0.1));
  CHECK(plan.at(20 * 391, 40, 391) == doctest::Approx(0.01));
  CHECK(plan.at(30 * 391 - 1, 40, 391) == doctest::Approx(0.01));
  CHECK(plan.at(30 * 391, 40, 391) == doctest::Approx(0.001));
  // Whole epochs: with 5 of them the milestones are epochs 2 and 3.
  CHECK(plan.at(1, 5, 1) == doctest::Approx(0.1));
  CHECK(plan.at(2, 5, 1) == doctest::Approx(0.01));
  CHECK(plan.at(3, 5, 1) == doctest::Approx(0.001));
  check_close(rates({.kind = schedule_kind::step, .learning_rate = 1, .milestones = {}}, 2, 1), {1, 1});
  check_close(
      rates({.kind = schedule_kind::step, .learning_rate = 1, .milestones = {0.5}, .factor = 0.25}, 2, 1),
      {1, 0.25});
}

TEST_CASE("schedule: from 1 on a milestone is an epoch, below 1 a share of the run") {
  const auto plan = [](std::vector<double> milestones) {
    return schedule{.kind = schedule_kind::step, .learning_rate = 1, .milestones = std::move(milestones)};
  };
  check_close(rates(plan({1, 2}), 4, 1), {1, 0.1, 0.01, 0.01});
  check_close(rates(plan({0.5, 3}), 4, 1), {1, 1, 0.1, 0.01});
}

TEST_CASE("schedule: a short run begins with its rate, and falls once an epoch") {
  const schedule plan{.learning_rate = 0.1};  // milestones 0.5 and 0.75
  check_close(rates(plan, 1, 2), {0.1, 0.1});
  check_close(rates(plan, 2, 2), {0.1, 0.1, 0.01, 0.01});
  check_close(rates(plan, 3, 1), {0.1, 0.01, 0.001});
  check_close(rates(plan, 4, 1), {0.1, 0.1, 0.01, 0.001});
  for (std::uint64_t epochs = 1; epochs <= 4; ++epochs) CHECK_NOTHROW(require_schedule(plan, epochs, "here"));
}

TEST_CASE("schedule: what can have no meaning is refused") {
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               infinity = std::numeric_limits<double>::infinity();
  const auto refused = [](const schedule& plan) { return id_of([&] { require_schedule(plan, 4, "here"); }); };
  CHECK(refused({}) == "no error");
  CHECK(refused({.milestones = {}}) == "no error");
  CHECK(refused({.learning_rate = 0}) == "no error");
  CHECK(refused({.milestones = {0.25, 2, 3}}) == "no error");
  for (const double wrong : {-0.1, nan, infinity}) {
    CHECK(refused({.learning_rate = wrong}) == "optim.106");
    CHECK(refused({.factor = wrong}) == "optim.106");
    CHECK(refused({.kind = schedule_kind::cosine, .learning_rate = wrong}) == "optim.106");
  }
  for (const double wrong : {-0.5, 0.0, nan, infinity, 1.5, 4.0, 30.0})
    CHECK(refused({.milestones = {wrong}}) == "optim.107");
  CHECK(refused({.milestones = {2, 2}}) == "optim.107");
  CHECK(refused({.milestones = {0.5, 2}}) == "optim.107");
  CHECK(refused({.milestones = {0.75, 0.5}}) == "optim.107");
  CHECK(refused({.kind = schedule_kind::cosine, .milestones = {30}}) == "no error");  // not its own
}

TEST_CASE("schedule: cosine starts at the rate, passes half of it in the middle, and would end at 0") {
  const schedule plan{.kind = schedule_kind::cosine, .learning_rate = 0.1};
  check_close(rates(plan, 4, 2), {0.1, 0.09619397662556434, 0.08535533905932738, 0.0691341716182545, 0.05,
                                  0.030865828381745515, 0.014644660940672627, 0.0038060233744356634});
  CHECK(plan.at(0, 30, 391) == 0.1);
  CHECK(plan.at(8, 4, 2) == doctest::Approx(0).epsilon(1e-12));
}

TEST_CASE("schedule: one_cycle is torch's OneCycleLR, short runs included") {
  const schedule plan{.kind = schedule_kind::one_cycle, .learning_rate = 0.1};
  check_close(rates(plan, 10, 2), {0.004,
                                   0.013167184270002533,
                                   0.037167184270002526,
                                   0.06683281572999747,
                                   0.09083281572999748,
                                   0.1,
                                   0.09874640062350874,
                                   0.09504846320134738,
                                   0.089091617757105,
                                   0.0811745653949763,
                                   0.07169430017913009,
                                   0.06112620219362893,
                                   0.0500002,
                                   0.03887419780637107,
                                   0.028306099820869922,
                                   0.0188258346050237,
                                   0.010908782242895003,
                                   0.004951936798652629,
                                   0.0012539993764912555,
                                   4e-07});
  check_close(rates(plan, 2, 2), {0.004, 0.0811745653949763, 0.028306099820869922, 4e-07});
  check_close(rates(plan, 2, 1), {0.0811745653949763, 4e-07});
  check_close(rates(plan, 1, 1), {4e-07});
}

TEST_CASE("schedule: linear falls by the same amount a step, and would end at 0") {
  const schedule plan{.kind = schedule_kind::linear, .learning_rate = 0.24};
  CHECK(plan.at(0, 8, 25) == 0.24);
  CHECK(plan.at(100, 8, 25) == doctest::Approx(0.12).epsilon(1e-15));
  CHECK(plan.at(199, 8, 25) == doctest::Approx(0.24 / 200).epsilon(1e-12));
}

TEST_CASE("schedule: a warm-up rises evenly, then cosine and linear fall to their end over the rest") {
  // Of 10 steps 4 rise; the last of them is at the rate.
  check_close(rates({.kind = schedule_kind::linear, .learning_rate = 1, .warm_up = 0.4, .last = 0.1}, 2, 5),
              {0.25, 0.5, 0.75, 1, 1, 0.85, 0.7, 0.55, 0.4, 0.25});
  check_close(rates({.kind = schedule_kind::constant, .learning_rate = 2, .warm_up = 0.5}, 1, 4),
              {1, 2, 2, 2});
  const schedule cosine{.kind = schedule_kind::cosine, .learning_rate = 1, .warm_up = 0.5, .last = 0.2};
  check_close(rates(cosine, 1, 8),
              {0.25, 0.5, 0.75, 1, 1, 0.2 + 0.8 * 0.8535533906, 0.6, 0.2 + 0.8 * 0.1464466094});
  check_close(
      rates({.kind = schedule_kind::step, .learning_rate = 1, .milestones = {0.5}, .warm_up = 0.5}, 4, 1),
      {0.5, 1, 0.1, 0.1});
}

TEST_CASE("schedule: a warm-up and an end are shares") {
  const auto refused = [](const schedule& plan) { return id_of([&] { require_schedule(plan, 4, "here"); }); };
  CHECK(refused({.kind = schedule_kind::cosine, .warm_up = 0.5, .last = 1}) == "no error");
  CHECK(refused({.warm_up = 1}) == "optim.115");
  CHECK(refused({.warm_up = -0.1}) == "optim.115");
  CHECK(refused({.last = 1.1}) == "optim.115");
  CHECK(refused({.last = std::numeric_limits<double>::quiet_NaN()}) == "optim.115");
  CHECK(refused({.kind = schedule_kind::one_cycle, .warm_up = 0.1}) == "optim.115");
}
