// The only place that includes oneTBB: all threads of the library start here.
//
// Work is cut by the problem's size, never by the number of threads, and every task writes its own output or
// its own partial sum: the result has the same bits for any number of threads.
#pragma once

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <cstddef>

#include "spankey/core/shape.hpp"

namespace spankey {

namespace cpu {
/// oneTBB's loop over tasks, compiled once and not once per caller: call(f, task) for every task.
inline void run_tasks(index_t tasks, void (*call)(const void* f, index_t task), const void* f) {
  tbb::parallel_for(
      tbb::blocked_range<index_t>(0, tasks, 1),
      [=](const tbb::blocked_range<index_t>& range) {
        for (index_t task = range.begin(); task != range.end(); ++task) call(f, task);
      },
      tbb::simple_partitioner{});
}
}  // namespace cpu

/// Runs f(task) for every task in [0, tasks), on all threads of the surrounding task arena.
template <class F>
void parallel_for(index_t tasks, const F& f) {
  const auto call = [](const void* of, index_t task) { (*static_cast<const F*>(of))(task); };
  if (tasks == 1) {
    call(&f, 0);
    return;
  }
  cpu::run_tasks(tasks, call, &f);
}

/// Caps the library's threads while it lives (the process-wide limit of oneTBB).
class thread_limit {
 public:
  /// threads >= 1.
  explicit thread_limit(index_t threads)
      : control_(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)) {}

 private:
  tbb::global_control control_;
};

/// Threads that parallel_for may use now.
inline index_t thread_count() {
  return static_cast<index_t>(
      tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
}

}  // namespace spankey
