// A mirror is the host's tensor itself, or a copy elsewhere that grows when it must and is overwritten before it goes.
#include "spankey/train/mirror.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "error_probe.hpp"

namespace {

using namespace spankey;

// Another place that the test can look into.
struct elsewhere {
  static constexpr bool on_host = false;
  static inline int reserved = 0, zeroed = 0;
  static inline bool full = false;
  static std::byte* reserve(std::size_t bytes) {
    if (full) return nullptr;
    ++reserved;
    return memory_of<void>::reserve(bytes);
  }
  static void release(std::byte* memory) {
    CHECK(zeroed == reserved);
    memory_of<void>::release(memory);
  }
  static void zero(float* to, index_t count) {
    ++zeroed;
    memory_of<void>::zero(to, count);
  }
  template <class F>
  static void write(float* to, index_t, F&& f) {
    f(to);
  }
};

}  // namespace

TEST_CASE("mirror: on the host there is nothing to show") {
  const std::vector<float> x = {1, 2, 3};
  mirror<memory_of<void>, float> m;
  CHECK(m.of(x.data(), 3) == x.data());
}
TEST_CASE("mirror: elsewhere it is a copy") {
  const std::vector<float> x = {1, 2, 3}, y = {4, 5, 6, 7};
  {
    mirror<elsewhere, float> m;
    const float* const copy = m.of(x.data(), 3);
    CHECK(copy != x.data());
    CHECK(std::vector<float>(copy, copy + 3) == x);
    CHECK(m.of(y.data(), 2) == copy);  // there is room
    CHECK(elsewhere::reserved == 1);
    const float* const larger = m.of(y.data(), 4);
    CHECK(std::vector<float>(larger, larger + 4) == y);
    CHECK(elsewhere::reserved == 2);
    CHECK(elsewhere::zeroed == 1);
  }
  CHECK(elsewhere::zeroed == 2);
  mirror<elsewhere, float> never;
  elsewhere::full = true;
  CHECK(spankey_test::id_of([&] { never.of(x.data(), 3); }) == "memory.104");
}
