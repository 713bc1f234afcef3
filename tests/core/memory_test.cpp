// Ordinary memory: set to 0 and aligned, copied by rows, lent to the host as it is; which memory a model has.
#include "spankey/core/memory.hpp"

#include <doctest/doctest.h>

// clang names its sanitizers otherwise.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#include <cstdint>
#include <type_traits>
#include <vector>

namespace {

using namespace spankey;

struct far_away {};
struct of_the_far {
  using backend_type = far_away;
};
struct of_no_backend {};

}  // namespace

template <>
struct spankey::memory_of<far_away> {
  static constexpr bool on_host = false;
};

TEST_CASE("memory: reserved bytes are 0 and aligned; more than there is gives null") {
  using memory = memory_of<void>;
  static_assert(memory::on_host);
  std::byte* const found = memory::reserve(1000);
  REQUIRE(found != nullptr);
  CHECK(reinterpret_cast<std::uintptr_t>(found) % memory_alignment == 0);
  for (int i = 0; i < 1000; ++i) CHECK(found[i] == std::byte{0});
  memory::release(found);
#if !defined(__SANITIZE_ADDRESS__)  // which ends the process
  CHECK(memory::reserve(std::size_t{1} << 60) == nullptr);
#endif
}
TEST_CASE("memory: copies, rows and zeros") {
  using memory = memory_of<void>;
  const std::vector<int> from = {1, 2, 3, 4, 5, 6};
  std::vector<int> to(8, 9);
  memory::copy(from.data(), 3, to.data() + 1);
  CHECK(to == std::vector<int>{9, 1, 2, 3, 9, 9, 9, 9});
  memory::copy_rows(3, 1, from.data() + 1, 2, to.data() + 1, 3);
  CHECK(to == std::vector<int>{9, 2, 2, 3, 4, 9, 9, 6});
  memory::zero(to.data() + 2, 2);
  CHECK(to == std::vector<int>{9, 2, 0, 0, 4, 9, 9, 6});
}
TEST_CASE("memory: the host is lent the memory itself") {
  using memory = memory_of<void>;
  int value = 3;
  memory::write(&value, 1, [&](int* lent) {
    CHECK(lent == &value);
    *lent = 4;
  });
  CHECK(memory::read(&value, 1, [&](const int* lent) { return lent == &value ? *lent : 0; }) == 4);
}
TEST_CASE("memory: a model has that of its backend, or ordinary memory") {
  CHECK_FALSE(memory_of_model<of_the_far>::on_host);
  CHECK(memory_of_model<of_no_backend>::on_host);
}
