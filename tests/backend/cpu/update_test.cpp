// SGD and Adam on the CPU agree with reference<double> over several steps, for every rule.
#include "spankey/backend/cpu/update.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "agreement.hpp"
#include "spankey/backend/reference/update.hpp"

namespace {
using namespace agreement;
using kernels = spankey::update_kernels<spankey::backend::cpu, float>;
using reference = spankey::update_kernels<spankey::backend::reference, double>;

const spankey::sgd_update rules[] = {
    {0.1, 0.0, 0.0, false, true},  {0.1, 0.0, 0.01, false, true}, {0.1, 0.9, 0.0, false, true},
    {0.1, 0.9, 0.01, false, true}, {0.1, 0.9, 0.01, true, true},
};
}  // namespace

TEST_CASE("sgd: three steps of every rule") {
  for_each_isa([] {
    for (spankey::sgd_update rule : rules)
      for (const index_t count : {1, 3, 17, 64, 65, 40001}) {
        CAPTURE(rule.momentum);
        CAPTURE(rule.nesterov);
        CAPTURE(count);
        std::vector<float> w = values(count, 1), v(w.size(), 5.0F);  // the first step ignores what v holds
        std::vector<double> expected_w = widened(w), expected_v = widened(v);
        for (int step = 0; step < 3; ++step) {
          rule.first_step = step == 0;
          const std::vector<float> g = values(count, static_cast<std::uint64_t>(10 + step));
          kernels::sgd(rule, count, g.data(), v.data(), w.data());
          reference::sgd(rule, count, widened(g).data(), expected_v.data(), expected_w.data());
        }
        CHECK(difference(w, expected_w) < 1e-6);
        CHECK(difference(v, expected_v) < 1e-6);
        if (rule.momentum == 0) CHECK(v[0] == 5.0F);
      }
  });
}

TEST_CASE("squared_norm: every length, one part to the most; the same bits for any number of threads") {
  std::vector<float> x = values(20011, 1);
  while (x.size() < 4300000) x.insert(x.end(), x.begin(), x.begin() + 20011);
  for_each_isa([&] {
    for (const index_t count : {0, 1, 3, 17, 16384, 16385, 200003, 4300000}) {
      CAPTURE(count);
      const double expected =
          spankey::update_kernels<spankey::backend::reference, float>::squared_norm(count, x.data());
      CHECK(std::abs(kernels::squared_norm(count, x.data()) - expected) <= 2e-6 * expected);
    }
  });
  check_thread_independence([&] {
    const double norm = kernels::squared_norm(4300000, x.data());
    std::vector<float> bits(2);
    std::memcpy(bits.data(), &norm, sizeof(norm));
    return bits;
  });
}

TEST_CASE("sgd: the same bits for any number of threads") {
  check_thread_independence([] {
    const index_t count = 100003;
    const std::vector<float> g = values(count, 1);
    std::vector<float> w = values(count, 2), v = values(count, 3);
    kernels::sgd({0.1, 0.9, 0.01, true, false}, count, g.data(), v.data(), w.data());
    w.insert(w.end(), v.begin(), v.end());
    return w;
  });
}

TEST_CASE("adam: four steps of every rule") {
  const spankey::adam_update adams[] = {
      {},
      {.learning_rate = 0.01, .weight_decay = 0.1},
      {.learning_rate = 0.01, .weight_decay = 0.1, .decoupled = true},
      {.learning_rate = 0.01, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 0.1, .weight_decay = 0.1},
      {.learning_rate = 0.01, .beta1 = 0, .beta2 = 0},
  };
  for_each_isa([&] {
    for (spankey::adam_update rule : adams)
      for (const index_t count : {1, 3, 17, 64, 65, 16384, 40001}) {
        CAPTURE(rule.beta1);
        CAPTURE(rule.weight_decay);
        CAPTURE(rule.decoupled);
        CAPTURE(count);
        const float unread = std::numeric_limits<float>::quiet_NaN();  // the first step ignores the moments
        std::vector<float> w = values(count, 1), m(w.size(), unread), v = m;
        std::vector<double> expected_w = widened(w), expected_m = widened(m), expected_v = widened(v);
        for (rule.step = 1; rule.step <= 4; ++rule.step) {
          const std::vector<float> g = values(count, 10 + rule.step);
          kernels::adam(rule, count, g.data(), m.data(), v.data(), w.data());
          reference::adam(rule, count, widened(g).data(), expected_m.data(), expected_v.data(),
                          expected_w.data());
        }
        CHECK(difference(w, expected_w) < 1e-6);
        CHECK(difference(m, expected_m) < 1e-6);
        CHECK(difference(v, expected_v) < 1e-6);
      }
  });
}

TEST_CASE("adam: the same bits for any number of threads, and nothing written behind the last element") {
  check_thread_independence([] {
    const index_t count = 100003;
    const std::vector<float> g = values(count, 1);
    std::vector<float> w = values(count + 1, 2), m = values(count + 1, 3), v(w.size(), 0.5F);
    const float last = w.back();
    kernels::adam({.learning_rate = 0.1, .weight_decay = 0.01, .step = 3}, count, g.data(), m.data(),
                  v.data(), w.data());
    CHECK(w.back() == last);
    CHECK(v.back() == 0.5F);
    w.insert(w.end(), m.begin(), m.end());
    w.insert(w.end(), v.begin(), v.end());
    return w;
  });
}

TEST_CASE("zero: every element, and none behind the last") {
  for (const index_t count : {0, 1, 17, 16384, 40001}) {
    std::vector<float> x(static_cast<std::size_t>(count) + 1, 3.0F);
    kernels::zero(count, x.data());
    CHECK(std::count(x.begin(), x.end(), 0.0F) == count);
    CHECK(x.back() == 3.0F);
  }
}
