// The arena plans kept buffers side by side and scratch buffers in one shared place, 64-byte aligned, zeroed.
#include "spankey/core/arena.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>

#include "spankey/core/random.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

using spankey::arena;
using spankey::buffer;
using spankey::index_t;
using spankey::lifetime;
using spankey::scope;
using spankey::span_of_use;

namespace {

// Two kept buffers of awkward length, two scratch buffers, one of them of another type.
struct model {
  buffer<float> weight, y, scratch_a;
  buffer<double> scratch_b;

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    const scope layer{&at, "conv1"};
    visit(scope{&layer, "weight"}, weight, index_t{5}, lifetime::kept);
    visit(scope{&layer, "scratch"}, scratch_a, 3 * samples, lifetime::scratch);
    visit(scope{&layer, "y"}, y, 17 * samples, lifetime::kept);
    visit(scope{&at, "scratch"}, scratch_b, 10 * samples, lifetime::scratch);
  }
};

// More than any machine has.
struct huge {
  buffer<double> b;
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    visit(scope{&at, "b"}, b, (index_t{1} << 59) * samples, lifetime::kept);
  }
};

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % spankey::arena_alignment == 0; }

}  // namespace

TEST_CASE("scope: dotted names without the unnamed root") {
  const scope root, layer{&root, "layer1"}, block{&layer, "0"}, conv{&block, "conv1"};
  CHECK(root.str().empty());
  CHECK(layer.str() == "layer1");
  CHECK(scope{&conv, "weight"}.str() == "layer1.0.conv1.weight");
}

TEST_CASE("memory_plan: padded sizes, kept added up, scratch the largest") {
  model m;
  const spankey::memory_plan plan = spankey::plan_memory(m, 2);
  REQUIRE(plan.entries().size() == 4);
  CHECK(plan.entries()[0].name == "conv1.weight");
  CHECK(plan.entries()[0].bytes == 64);
  CHECK(plan.entries()[2].name == "conv1.y");
  CHECK(plan.entries()[2].bytes == 192);  // 136 bytes
  CHECK(plan.entries()[3].name == "scratch");
  CHECK(plan.entries()[3].life == lifetime::scratch);
  CHECK(plan.layout().begin(lifetime::scratch) == 64 + 192);
  CHECK(plan.bytes() == 64 + 192 + 192);  // scratch: max(64, 160 -> 192)
  CHECK(spankey::memory_plan::padded(0) == 0);
  CHECK(spankey::memory_plan::padded(64) == 64);
  CHECK(spankey::memory_plan::padded(65) == 128);
}

namespace {

// Buffers of every lifetime, in an order that mixes them; those of a step with the operations that need them.
struct lifetimes {
  buffer<char> weight, whole_step, early, inner_a, inner_b, late, between, wide, scratch, unknown;
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    visit(scope{&at, "whole_step"}, whole_step, 64 * samples, lifetime::output, span_of_use{0, 9});
    visit(scope{&at, "inner_a"}, inner_a, 64 * samples, lifetime::inner);
    visit(scope{&at, "weight"}, weight, index_t{64}, lifetime::kept);
    visit(scope{&at, "early"}, early, 64 * samples, lifetime::output, span_of_use{0, 3});
    visit(scope{&at, "late"}, late, 64 * samples, lifetime::step, span_of_use{4, 9});
    visit(scope{&at, "between"}, between, 64 * samples, lifetime::step, span_of_use{3, 4});
    visit(scope{&at, "inner_b"}, inner_b, 128 * samples, lifetime::inner);
    visit(scope{&at, "scratch"}, scratch, 64 * samples, lifetime::scratch);
    visit(scope{&at, "wide"}, wide, 128 * samples, lifetime::step, span_of_use{5, 6});
    visit(scope{&at, "unknown"}, unknown, 64 * samples, lifetime::step);
  }
};

// As many buffers of a step as there are numbers, each needed from one operation to another.
struct drawn_spans {
  static constexpr std::size_t count = 60;
  std::array<buffer<char>, count> all;
  std::array<span_of_use, count> uses;
  std::array<index_t, count> sizes;

  explicit drawn_spans(std::uint64_t seed) {
    const spankey::random_source random(seed, spankey::stream::evaluation);
    for (std::size_t i = 0; i < count; ++i) {
      const int first = static_cast<int>(random.below(3 * i, 40));
      uses[i] = {first, first + static_cast<int>(random.below(3 * i + 1, 12))};
      sizes[i] = random.below(3 * i + 2, 500);
    }
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    for (std::size_t i = 0; i < count; ++i)
      visit(scope{&at, "b"}, all[i], sizes[i] * samples, lifetime::step, uses[i]);
  }
};

}  // namespace

TEST_CASE("span_of_use: two meet where they have an operation in common; nobody's span meets all") {
  const span_of_use early{0, 3}, next{4, 9}, both{3, 4}, unknown;
  CHECK_FALSE(early.meets(next));
  CHECK_FALSE(next.meets(early));
  CHECK(early.meets(both));
  CHECK(both.meets(next));
  CHECK(early.meets(early));
  CHECK(unknown.meets(span_of_use{1000, 1000}));
}

TEST_CASE("arena: buffers share a place exactly where their lifetimes allow it") {
  lifetimes m;
  const arena memory(m, 1);
  const char* const base = m.weight.data;
  CHECK(m.whole_step.data == base + 64);
  CHECK(m.early.data == base + 128);
  CHECK(m.late.data == m.early.data);
  CHECK(m.between.data == base + 192);  // it meets both
  CHECK(m.wide.data == base + 192);     // behind `late`, over `between`
  CHECK(m.unknown.data == base + 320);  // over nothing: the part grows
  CHECK(m.inner_a.data == base + 384);
  CHECK(m.inner_b.data == m.inner_a.data);
  CHECK(m.scratch.data == base + 512);
  CHECK(memory.bytes() == 576);
}

TEST_CASE("arena: of any spans, those that meet lie apart, and the plan is smaller than their sum") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    CAPTURE(seed);
    drawn_spans m(seed);
    const arena memory(m, 1);
    std::size_t sum = 0;
    for (std::size_t i = 0; i < m.count; ++i) {
      sum += spankey::memory_plan::padded(static_cast<std::size_t>(m.sizes[i]));
      for (std::size_t j = 0; j < i; ++j)
        if (m.uses[i].meets(m.uses[j]) && m.sizes[i] > 0 && m.sizes[j] > 0)
          CHECK((m.all[i].data + m.sizes[i] <= m.all[j].data || m.all[j].data + m.sizes[j] <= m.all[i].data));
    }
    CHECK(memory.bytes() < sum / 2);
  }
}

TEST_CASE("arena: addresses as planned, aligned, zero") {
  model m;
  const arena memory(m, 2);
  CHECK(memory.bytes() == 64 + 192 + 192);
  CHECK(m.weight.count == 5);
  CHECK(m.y.count == 34);
  CHECK(m.scratch_a.count == 6);
  CHECK(m.scratch_b.count == 20);
  const auto* base = reinterpret_cast<const char*>(m.weight.data);
  CHECK(reinterpret_cast<const char*>(m.y.data) == base + 64);
  CHECK(reinterpret_cast<const char*>(m.scratch_a.data) == base + 256);
  CHECK(reinterpret_cast<const char*>(m.scratch_b.data) == base + 256);
  CHECK(aligned(m.weight.data));
  CHECK(aligned(m.y.data));
  CHECK(aligned(m.scratch_b.data));
  for (index_t i = 0; i < m.y.count; ++i) CHECK(m.y.data[i] == 0.0F);
  for (index_t i = 0; i < m.scratch_b.count; ++i) CHECK(m.scratch_b.data[i] == 0.0);
}

// AddressSanitizer ends the program instead of returning null.
#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("arena: memory that cannot be had is one readable error") {
  huge model;
  try {
    const arena memory(model, 1);
    FAIL("reserved 2^62 bytes");
  } catch (const spankey::error& e) {
    CHECK(e.id() == "memory.101");
    CHECK(std::string(e.what()).find("cannot reserve 4611686018427387904 bytes for a batch of 1 samples") !=
          std::string::npos);
  }
}
#endif
