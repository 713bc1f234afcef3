// The library inside an OpenMP region of the caller's: two pools of threads, and a BLAS that keeps to the calling thread.
#include <doctest/doctest.h>
#include <omp.h>

#include <atomic>
#include <cstddef>

#include "trained_alone.hpp"

using namespace spankey;
using test::outcomes;
using test::run_seeds;
using test::trained_weights;
using test::weights_alone;

TEST_CASE("four models train inside an OpenMP region") {
  const auto& alone = weights_alone();
  outcomes found;
  std::atomic<int> threads{0};
  const int runs = static_cast<int>(run_seeds.size());
#pragma omp parallel for num_threads(2) schedule(dynamic, 1)
  for (int run = 0; run < runs; ++run) {
    threads = omp_get_num_threads();
    const auto i = static_cast<std::size_t>(run);
    found.add(i, trained_weights(run_seeds[i]));
  }
  CHECK(threads == 2);
  CHECK(found.all() == alone);
}
