// What a training step of ResNet-18 exchanges between processes, timed without the training: docs/scaling.md.
//
//   mpirun -n R spankey_bench_scaling_sums [DELAY_US]
// One sum of 11.2 million gradients (44.7 MB; as bf16 22.4 MB) and 40 of a batch norm's statistics (2 groups of 240 channels on
// average, 2 doubles each: 7.7 KB). DELAY_US stands for a network's latency where the machine cannot be given one: every
// message waits so long before it is sent. Prints the median of some repetitions, in milliseconds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <thread>
#include <vector>

#include "spankey/train/ranks.hpp"

namespace {

using namespace spankey;
using clock_type = std::chrono::steady_clock;

class delayed_processes final : public process_group {
 public:
  delayed_processes(process_group& processes, double microseconds)
      : processes_(processes), delay_(microseconds * 1e-6) {}
  [[nodiscard]] index_t rank() const override { return processes_.rank(); }
  [[nodiscard]] index_t size() const override { return processes_.size(); }
  void exchange(index_t peer, std::span<const std::byte> mine, std::span<std::byte> theirs) override {
    // A sleep of the system is late by more than a network's latency.
    const auto end = clock_type::now() + delay_;
    while (delay_.count() > 0 && clock_type::now() < end) std::this_thread::yield();
    processes_.exchange(peer, mine, theirs);
  }
  void broadcast(std::span<std::byte> bytes) override { processes_.broadcast(bytes); }

 private:
  process_group& processes_;
  std::chrono::duration<double> delay_;
};

template <class Work>
double median_ms(process_group& processes, int repetitions, const Work& work) {
  std::vector<double> times;
  for (int i = 0; i <= repetitions; ++i) {
    std::byte together{};
    processes.broadcast({&together, 1});
    const auto begin = clock_type::now();
    work();
    if (i > 0) times.push_back(std::chrono::duration<double, std::milli>(clock_type::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + repetitions / 2, times.end());
  return times[static_cast<std::size_t>(repetitions / 2)];
}

template <class T>
double sum_ms(process_group& processes, gradient_format format, std::size_t count, int sums) {
  std::vector<T> numbers(count, T(1));
  const std::span<T> own(numbers);
  tree_sum sum(&processes, format);
  return median_ms(processes, 7, [&] {
    for (int i = 0; i < sums; ++i) sum.add(std::span<const std::span<T>>(&own, 1));
    std::fill(numbers.begin(), numbers.end(), T(1));
  });
}

}  // namespace

int main(int argc, char** argv) {
  mpi_processes processes;
  delayed_processes delayed(processes, argc > 1 ? std::atof(argv[1]) : 0);
  constexpr std::size_t gradients = 11'173'962, statistics = 2 * 240 * 2;
  const double fp32 = sum_ms<float>(delayed, gradient_format::fp32, gradients, 1);
  const double half = sum_ms<float>(delayed, gradient_format::bf16, gradients, 1);
  const double norms = sum_ms<double>(delayed, gradient_format::fp32, statistics, 40);
  if (processes.rank() == 0)
    std::printf("processes %lld  gradients fp32 %.1f ms  bf16 %.1f ms  40 batch norm sums %.2f ms\n",
                static_cast<long long>(processes.size()), fp32, half, norms);
}
