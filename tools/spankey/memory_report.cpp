#include "memory_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include "spankey/core/error.hpp"

namespace {

using namespace spankey;

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// What a buffer's place is for, by its lifetime. Gradients of early layers lie over activations of late ones.
constexpr std::array<const char*, 5> lifetime_names = {"kept", "step", "step", "inner", "scratch"};

const char* name_of(lifetime life) { return lifetime_names[static_cast<std::size_t>(life)]; }

}  // namespace

void print_plan(const memory_plan& plan) {
  std::printf("arena: %.1f MiB\n", mebibytes(plan.bytes()));
  const auto part = [](lifetime life, std::size_t bytes, const char* what) {
    std::printf("  %8.1f MiB  %s: %s\n", mebibytes(bytes), name_of(life), what);
  };
  const memory_layout& at = plan.layout();
  part(lifetime::kept, at.begin(lifetime::step), "parameters, their gradients and momentum, statistics");
  part(lifetime::step, at.begin(lifetime::inner) - at.begin(lifetime::step),
       "activations, and gradients over those that nobody needs any more");
  part(lifetime::inner, at.begin(lifetime::scratch) - at.begin(lifetime::inner),
       "inside a block, forward and backward; shared by all blocks");
  part(lifetime::scratch, at.bytes() - at.begin(lifetime::scratch), "one layer call; shared by all layers");

  auto entries = plan.entries();
  std::stable_sort(entries.begin(), entries.end(), [](auto& a, auto& b) { return a.bytes > b.bytes; });
  std::puts("largest buffers:");
  for (std::size_t i = 0; i < std::min<std::size_t>(10, entries.size()); ++i)
    std::printf("  %8.1f MiB  %s (%s)\n", mebibytes(entries[i].bytes), entries[i].name.c_str(),
                name_of(entries[i].life));
}

resident_memory read_resident_memory() {
  resident_memory found;
  std::ifstream file("/proc/self/status");
  for (std::string name; file >> name; file.ignore(1 << 16, '\n')) {
    std::size_t* const value = name == "VmRSS:" ? &found.now : name == "VmHWM:" ? &found.peak : nullptr;
    if (value != nullptr && file >> *value) *value *= 1024;  // in kB
  }
  if (found.now == 0 || found.peak == 0)
    fail("flag.112", "--measure", "this system does not report resident memory in /proc/self/status");
  return found;
}

void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

void print_measured(const resident_memory& before, std::size_t arena, const resident_memory& after) {
  const auto line = [](std::size_t bytes, const char* what) {
    std::printf("  %8.1f MiB  %s\n", mebibytes(bytes), what);
  };
  std::puts("measured on one step of drawn samples:");
  line(before.peak, "peak before the arena: drawing the key space");
  line(before.now, "resident before the arena: program, key space, samples, batch and its keys");
  line(arena, "arena");
  line(after.peak, "peak of the step");
  std::printf("  %8.3f      peak of the step / (before + arena)\n",
              static_cast<double>(after.peak) / static_cast<double>(before.now + arena));
}
