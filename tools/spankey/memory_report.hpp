// The memory plan of a run, and what a process took, as text.
#pragma once

#include <cstddef>

#include "spankey/core/arena.hpp"

/// The parts of the plan and its largest buffers.
void print_plan(const spankey::memory_plan& plan);

/// Of this process, as Linux reports it, in bytes. getrusage would not do: its peak includes that of the process that
/// started us.
struct resident_memory {
  std::size_t now = 0, peak = 0;
};

/// Fails with flag.112 where the system does not say.
resident_memory read_resident_memory();

/// Lets the peak begin anew: drawing a large key space can take more than a step.
void forget_peak();

/// One step: what was there before its arena, the arena, and the peak beside their sum.
void print_measured(const resident_memory& before, std::size_t arena, const resident_memory& after);
