// The arena plans kept buffers side by side and scratch buffers in one shared place, 64-byte aligned, zeroed.
#include "spankey/core/arena.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

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

// Buffers of every lifetime, in an order that mixes them.
struct lifetimes {
  buffer<char> weight, shallow, inner_a, inner_b, over_a, over_b, deep, over_c, scratch, last;
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    visit(scope{&at, "shallow"}, shallow, 64 * samples, lifetime::step);
    visit(scope{&at, "inner_a"}, inner_a, 64 * samples, lifetime::inner);
    visit(scope{&at, "weight"}, weight, index_t{64}, lifetime::kept);
    visit(scope{&at, "over_a"}, over_a, 64 * samples, lifetime::gradient);
    visit(scope{&at, "over_b"}, over_b, 64 * samples, lifetime::gradient);
    visit(scope{&at, "deep"}, deep, 64 * samples, lifetime::step);
    visit(scope{&at, "inner_b"}, inner_b, 128 * samples, lifetime::inner);
    visit(scope{&at, "scratch"}, scratch, 64 * samples, lifetime::scratch);
    visit(scope{&at, "over_c"}, over_c, 128 * samples, lifetime::gradient);
    visit(scope{&at, "last"}, last, 64 * samples, lifetime::step);
  }
};

}  // namespace

TEST_CASE("arena: buffers share a place exactly where their lifetimes allow it") {
  lifetimes m;
  const arena memory(m, 1);
  const char* const base = m.weight.data;
  CHECK(m.shallow.data == base + 64);
  CHECK(m.deep.data == base + 128);
  CHECK(m.over_a.data == m.deep.data);
  CHECK(m.last.data == base + 192);
  CHECK(m.over_b.data == m.last.data);
  CHECK(m.over_c.data == base + 256);  // over no other gradient: the part grows
  CHECK(m.inner_a.data == base + 384);
  CHECK(m.inner_b.data == m.inner_a.data);
  CHECK(m.scratch.data == base + 512);
  CHECK(memory.bytes() == 576);
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
