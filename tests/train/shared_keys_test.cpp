#include "spankey/train/shared_keys.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <vector>

#include "error_probe.hpp"
#include "thread_processes.hpp"

using namespace spankey;

namespace {
using answers = std::array<double, 3>;
answers of_key(index_t i) { return {static_cast<double>(i), static_cast<double>(i * i), -0.0}; }
}  // namespace

TEST_CASE("answers_of_keys: all processes know all answers, and each key is asked once") {
  for (const index_t keys : {1, 3, 7, 8, 100})
    for (const index_t size : {1, 2, 4, 8}) {
      std::atomic<index_t> asked{0};
      test::thread_processes(size).run([&](process_group& own) {
        const auto found = answers_of_keys(size == 1 ? nullptr : &own, keys, [&](index_t i) {
          ++asked;
          return of_key(i);
        });
        CHECK(found.size() == static_cast<std::size_t>(keys));
        for (index_t i = 0; i < keys; ++i) CHECK(found[static_cast<std::size_t>(i)] == of_key(i));
      });
      CHECK(asked == keys);
    }
}

TEST_CASE("answers_of_keys: processes whose number is no power of two are refused") {
  test::thread_processes(3).run([](process_group& own) {
    CHECK(spankey_test::id_of([&] { (void)answers_of_keys(&own, 4, of_key); }) == "train.151");
  });
}
