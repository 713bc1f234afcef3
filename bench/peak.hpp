// The machine's arithmetic limit: a loop of independent multiply-adds in registers, on every thread at once.
//
//   peak_flops(family, matrix_input)   operations a second of that family's widest multiply-add; 0: not known
// A multiply-add counts two operations. Products of bf16 are taken in pairs where there is AVX512-BF16, and as
// floats below it. Twelve sums hide the latency (4 to 5 cycles, two units); they stay in registers.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "spankey/backend/cpu/isa.hpp"
#include "spankey/backend/cpu/parallel.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace peak {

enum class matrix_input { fp32, bf16 };

inline constexpr int sums = 12, rounds = 20000;

#if defined(__x86_64__)
// Each runs `rounds` times `sums` instructions; the empty assembly keeps the sums in registers and the loop alive.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) inline void run_bf16_pairs() {
  __m512 sum[sums] = {};
  const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5F), _mm512_set1_ps(0.25F)), b = a;
  for (int round = 0; round < rounds; ++round)
    for (auto& s : sum) {
      s = _mm512_dpbf16_ps(s, a, b);
      asm volatile("" : "+v"(s));
    }
}

__attribute__((target("avx512f"))) inline void run_avx512() {
  __m512 sum[sums] = {};
  const __m512 a = _mm512_set1_ps(0.5F), b = _mm512_set1_ps(0.25F);
  for (int round = 0; round < rounds; ++round)
    for (auto& s : sum) {
      s = _mm512_fmadd_ps(a, b, s);
      asm volatile("" : "+v"(s));
    }
}

__attribute__((target("avx2,fma"))) inline void run_avx2() {
  __m256 sum[sums] = {};
  const __m256 a = _mm256_set1_ps(0.5F), b = _mm256_set1_ps(0.25F);
  for (int round = 0; round < rounds; ++round)
    for (auto& s : sum) {
      s = _mm256_fmadd_ps(a, b, s);
      asm volatile("" : "+x"(s));
    }
}

inline void run_portable() {
  __m128 sum[sums] = {}, a = _mm_set1_ps(0.5F), b = _mm_set1_ps(0.25F);
  for (int round = 0; round < rounds; ++round)
    for (auto& s : sum) {
      asm volatile("" : "+x"(a), "+x"(b));
      s = _mm_add_ps(s, _mm_mul_ps(a, b));
      asm volatile("" : "+x"(s));
    }
}
#endif

/// The loop of a family and the operations of one of its instructions.
struct loop {
  void (*run)() = nullptr;
  double operations = 0;
};

inline loop loop_of([[maybe_unused]] spankey::isa family, [[maybe_unused]] matrix_input input) {
#if defined(__x86_64__)
  using spankey::isa;
  if (input == matrix_input::bf16 && family == isa::amx_bf16) return {};  // tiles: no loop here yet
  if (input == matrix_input::bf16 && family == isa::avx512_bf16) return {&run_bf16_pairs, 64};
  if (family >= isa::avx512) return {&run_avx512, 32};
  if (family == isa::avx2) return {&run_avx2, 16};
  return {&run_portable, 8};
#else
  return {};
#endif
}

/// Operations a second of all threads, each running the loop for `seconds` at the same time.
inline double run_on_all_threads(const loop& l, double seconds) {
  using clock = std::chrono::steady_clock;
  const auto count = static_cast<std::size_t>(spankey::thread_count());
  std::vector<double> rate(count);
  std::atomic<std::size_t> waiting{count};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      --waiting;
      while (waiting != 0) std::this_thread::yield();
      const auto start = clock::now();
      double passed = 0, operations = 0;
      while (passed < seconds) {
        l.run();
        operations += l.operations * sums * rounds;
        passed = std::chrono::duration<double>(clock::now() - start).count();
      }
      rate[t] = operations / passed;
    });
  }
  for (auto& thread : threads) thread.join();
  double total = 0;
  for (const double r : rate) total += r;
  return total;
}

/// The best of several tries; 0 where the limit of this family is not known.
inline double peak_flops(spankey::isa family, matrix_input input) {
  const loop l = loop_of(family, input);
  if (l.run == nullptr) return 0;
  double best = 0;
  for (int attempt = 0; attempt < 5; ++attempt) best = std::max(best, run_on_all_threads(l, 0.1));
  return best;
}

}  // namespace peak
