// What the benchmarks of whole steps share: the median step and the process's peak memory as counters, and what keys cost by
// themselves.
#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "spankey/spankey.hpp"

namespace bench {

using namespace spankey;

/// Seconds of each step.
class step_times {
 public:
  using clock = std::chrono::steady_clock;

  template <class Step>
  void measure(const Step& step) {
    const auto start = clock::now();
    step();
    add(clock::now() - start);
  }
  void add(clock::duration of_step) { seconds_.push_back(std::chrono::duration<double>(of_step).count()); }
  [[nodiscard]] double median() {
    const auto middle = seconds_.begin() + static_cast<std::ptrdiff_t>(seconds_.size() / 2);
    std::nth_element(seconds_.begin(), middle, seconds_.end());
    return *middle;
  }

 private:
  std::vector<double> seconds_;
};

/// `items` of a step: images, or tokens.
inline void report(benchmark::State& state, step_times& times, index_t items) {
  state.counters["per_second"] = static_cast<double>(items) / times.median();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_rss_mib"] = static_cast<double>(usage.ru_maxrss) / 1024;
  state.SetLabel(std::string(name_of(active_isa())) + ", " + std::to_string(thread_count()) + " threads");
}

/// Keys for `batch` samples at every site, drawn, injected (mul, gamma 2) and passed back.
template <class T>
void keys_alone(benchmark::State& state, key_space keys, index_t batch, index_t items) {
  using kernels = inject_kernels<backend::cpu, T>;
  site_buffers buffers(keys.sites(), batch);
  struct activations {
    site_geometry site;
    std::vector<T> x, y;
  };
  std::vector<activations> of_sites;
  for (const site& s : keys.sites()) {
    const auto size = static_cast<std::size_t>(batch * s.shape.size());
    of_sites.push_back({geometry_of(s.shape, key_shape::element), std::vector<T>(size, T(0.5F)),
                        std::vector<T>(size, T(0.5F))});
  }
  const multiplicative injector{.gamma = 2};
  std::uint64_t number = 0;
  step_times times;
  for (auto _ : state)
    times.measure([&] {
      keys.draw_valid({1, stream::coefficients, number++}, batch, buffers.outputs());
      for (std::size_t i = 0; i < of_sites.size(); ++i) {
        activations& a = of_sites[i];
        const key_view<const float> view{buffers.outputs()[i], a.site.size()};
        kernels::forward(injector, batch, a.site, a.x.data(), view, a.y.data());
        kernels::backward(injector, batch, a.site, a.x.data(), view, a.y.data(), a.y.data(), nullptr);
      }
    });
  report(state, times, items);
}

template <class Body>
void add(const std::string& name, const Body& body) {
  benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMillisecond)->UseRealTime();
}

}  // namespace bench
