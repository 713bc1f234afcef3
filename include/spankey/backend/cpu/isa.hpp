// Instruction-set families of the CPU kernels, and which one runs.
//
// One text is compiled once per family (foreach_isa.hpp); at run time the best family the processor has is
// used. SPANKEY_ISA=portable|avx2|avx512|avx512_bf16|amx_bf16 in the environment, or use_isa(), caps it; describe()
// says what runs. The last two differ from avx512 in the matrix products of bf16 only.
#pragma once

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "spankey/backend/cpu/amx_support.hpp"
#include "spankey/core/error.hpp"

namespace spankey {

enum class isa { portable, avx2, avx512, avx512_bf16, amx_bf16 };

inline constexpr std::string_view isa_names[] = {"portable", "avx2", "avx512", "avx512_bf16", "amx_bf16"};

inline constexpr isa every_isa[] = {isa::portable, isa::avx2, isa::avx512, isa::avx512_bf16, isa::amx_bf16};

constexpr std::string_view name_of(isa family) { return isa_names[static_cast<int>(family)]; }

/// The best family that this processor (and operating system) can run.
inline isa best_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    if (!__builtin_cpu_supports("avx512bf16")) return isa::avx512;
    return cpu::has_amx_bf16() ? isa::amx_bf16 : isa::avx512_bf16;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return isa::avx2;
#endif
  return isa::portable;
}

namespace cpu {
inline std::atomic<isa>& selected_isa() {
  static std::atomic<isa> selected = [] {
    const isa best = best_isa();
    const char* wanted = std::getenv("SPANKEY_ISA");
    if (wanted == nullptr) return best;
    for (const isa family : every_isa) {
      if (name_of(family) != wanted) continue;
      if (family <= best) return family;
      fail("backend.101", "SPANKEY_ISA", "this processor has no ", wanted, "; the best it has is ",
           name_of(best));
    }
    fail("backend.102", "SPANKEY_ISA", "found '", wanted,
         "', expected portable, avx2, avx512, avx512_bf16 or amx_bf16");
  }();
  return selected;
}
}  // namespace cpu

/// The family whose kernels run now.
inline isa active_isa() { return cpu::selected_isa().load(std::memory_order_relaxed); }

/// Selects a family (tests, benchmarks). Not while kernels run.
inline void use_isa(isa family) {
  if (family > best_isa()) {
    fail("backend.101", "use_isa", "this processor has no ", name_of(family), "; the best it has is ",
         name_of(best_isa()));
  }
  cpu::selected_isa().store(family, std::memory_order_relaxed);
}

}  // namespace spankey
