// The second translation unit also runs the library's threads, so the linked packages are really there.
#include <atomic>

#include "spankey/spankey.hpp"

spankey::index_t tasks_run_in_two() {
  std::atomic<spankey::index_t> done = 0;
  spankey::parallel_for(8, [&](spankey::index_t) { ++done; });
  return done;
}
