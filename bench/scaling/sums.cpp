// What a training step of ResNet-18 exchanges between processes, timed without the training: docs/scaling.md.
//
//   mpirun -n R spankey_bench_scaling_sums [DELAY_US]
// One sum of 11.2 million gradients (44.7 MB; as bf16 22.4 MB), in the buckets of a training, and 40 of a batch norm's statistics (2 groups of 240 channels on
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
double sum_ms(process_group& processes, gradient_format format, std::size_t count, std::size_t at_a_time) {
  std::vector<T> numbers(count, T(1));
  tree_sum sum(&processes, format);
  return median_ms(processes, 7, [&] {
    for (std::size_t at = 0; at < count; at += at_a_time) {
      const std::span<T> some = std::span(numbers).subspan(at, std::min(at_a_time, count - at));
      sum.add(std::span<const std::span<T>>(&some, 1));
    }
    std::fill(numbers.begin(), numbers.end(), T(1));
  });
}

}  // namespace

int main(int argc, char** argv) {
  mpi_processes processes;
  delayed_processes delayed(processes, argc > 1 ? std::atof(argv[1]) : 0);
  constexpr std::size_t gradients = 11'173'962, bucket = std::size_t{1} << 19, statistics = 2 * 240 * 2;
  const double fp32 = sum_ms<float>(delayed, gradient_format::fp32, gradients, bucket);
  const double half = sum_ms<float>(delayed, gradient_format::bf16, gradients, bucket);
  const double norms = sum_ms<double>(delayed, gradient_format::fp32, 40 * statistics, statistics);
  if (processes.rank() == 0)
    std::printf("processes %lld  gradients fp32 %.1f ms  bf16 %.1f ms  40 batch norm sums %.2f ms\n",
                static_cast<long long>(processes.size()), fp32, half, norms);
}
