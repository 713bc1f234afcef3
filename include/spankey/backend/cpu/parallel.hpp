// The only place that includes oneTBB: all threads of the library start here.
//
// Work is cut by the problem's size, never by the number of threads, and every task writes its own output or
// its own partial sum: the result has the same bits for any number of threads.
// ThreadSanitizer does not see how a oneTBB built without it orders a loop; under it, and only then, the order is told.
#pragma once

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <cstddef>

#include "spankey/core/shape.hpp"

#if defined(__SANITIZE_THREAD__)
#define SPANKEY_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SPANKEY_THREAD_SANITIZER 1
#endif
#endif

#if defined(SPANKEY_THREAD_SANITIZER)
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace spankey {

namespace cpu {
/// What oneTBB promises about a loop: all before it happens before its tasks, and they before all after it. Between two
/// tasks there is no order, so a race between them is still found.
struct loop_order {
#if defined(SPANKEY_THREAD_SANITIZER)
  mutable char begins = 0, ends = 0;
  loop_order() { __tsan_release(&begins); }
  void begin_task() const { __tsan_acquire(&begins); }
  void end_task() const { __tsan_release(&ends); }
  ~loop_order() { __tsan_acquire(&ends); }
#else
  void begin_task() const {}
  void end_task() const {}
#endif
};

/// oneTBB's loop over tasks, compiled once and not once per caller: call(f, task) for every task.
inline void run_tasks(index_t tasks, void (*call)(const void* f, index_t task), const void* f) {
  const loop_order order;
  tbb::parallel_for(
      tbb::blocked_range<index_t>(0, tasks, 1),
      [=, &order](const tbb::blocked_range<index_t>& range) {
        order.begin_task();
        for (index_t task = range.begin(); task != range.end(); ++task) call(f, task);
        order.end_task();
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
  // A thread's first loop allocates what oneTBB keeps for it. Where that fails while a limit lives, oneTBB 2021.8 waits
  // for ever when the limit ends: so the loop comes first.
  struct first_loop {
    first_loop() { cpu::run_tasks(1, &nothing, nullptr); }
    static void nothing(const void* /*f*/, index_t /*task*/) {}
  };
  [[no_unique_address]] first_loop first_;
  tbb::global_control control_;
};

/// Threads that parallel_for may use now.
inline index_t thread_count() {
  return static_cast<index_t>(
      tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
}

}  // namespace spankey
