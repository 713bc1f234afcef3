// A block of memory is overwritten before it is given back, wherever it lies and whoever owns it last.
#include "spankey/core/memory_block.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "error_probe.hpp"

namespace {

using namespace spankey;

// Memory of four floats that outlives its owners, so that the test sees what they leave.
template <bool OnHost>
struct watched {
  static constexpr bool on_host = OnHost;
  static inline float cells[4] = {};
  static inline int reserved = 0, released = 0;
  static std::byte* reserve(std::size_t bytes) {
    if (bytes > sizeof cells) return nullptr;
    ++reserved;
    return reinterpret_cast<std::byte*>(cells);
  }
  static void release(std::byte* memory) {
    CHECK(memory == reinterpret_cast<std::byte*>(cells));
    for (const float cell : cells) CHECK(cell == 0);
    ++released;
  }
  static void zero(float* to, index_t count) {
    CHECK_FALSE(on_host);
    for (index_t i = 0; i < count; ++i) to[i] = 0;
  }
};

template <class Memory>
void fill(const memory_block<Memory, float>& block) {
  for (index_t i = 0; i < block.size(); ++i) block.data()[i] = 7;
}

}  // namespace

TEST_CASE_TEMPLATE("memory_block: overwritten, then given back, once", Memory, watched<true>,
                   watched<false>) {
  Memory::reserved = Memory::released = 0;
  {
    memory_block<Memory, float> first(4, "test");
    CHECK(first.size() == 4);
    fill(first);
    memory_block<Memory, float> second(std::move(first));
    CHECK(first.data() == nullptr);
    CHECK(first.size() == 0);
    memory_block<Memory, float> third;
    third = std::move(second);
    CHECK(third.data() == Memory::cells);
    CHECK(Memory::released == 0);
    CHECK(Memory::cells[3] == 7);
    third = memory_block<Memory, float>();
    CHECK(Memory::released == 1);
  }
  CHECK(Memory::reserved == 1);
  CHECK(Memory::released == 1);
}
TEST_CASE("memory_block: where there is not as much, nothing is owned") {
  using block = memory_block<watched<true>, float>;
  watched<true>::reserved = watched<true>::released = 0;
  CHECK(spankey_test::id_of([] { block(5, "test"); }) == "memory.104");
  CHECK(watched<true>::released == 0);
}
