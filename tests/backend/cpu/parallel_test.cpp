// parallel_for runs every task once; thread_limit caps what thread_count reports.
#include "spankey/backend/cpu/parallel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

TEST_CASE("parallel_for: every task once, none for zero, one on the calling thread") {
  for (const spankey::index_t tasks : {0, 1, 2, 1000}) {
    std::vector<int> runs(static_cast<std::size_t>(tasks) + 1, 0);
    spankey::parallel_for(tasks, [&](spankey::index_t task) { ++runs[static_cast<std::size_t>(task)]; });
    CHECK(std::count(runs.begin(), runs.end(), 1) == tasks);
    CHECK(runs.back() == 0);
  }
}

TEST_CASE("parallel_for: an exception of a task reaches the caller") {
  CHECK_THROWS_AS(spankey::parallel_for(10,
                                        [](spankey::index_t task) {
                                          if (task == 7) throw std::runtime_error("seven");
                                        }),
                  std::runtime_error);
}

TEST_CASE("thread_limit: caps while it lives") {
  const spankey::index_t before = spankey::thread_count();
  {
    const spankey::thread_limit limit(1);
    CHECK(spankey::thread_count() == 1);
  }
  CHECK(spankey::thread_count() == before);
}
