// Whether this process may use Intel AMX with bf16: the processor has it, the operating system saves its registers, and
// Linux, which grants them to a process only on request, has been asked.
#pragma once

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "spankey/core/dialect.hpp"

namespace spankey::cpu {

/// Asks the kernel once per process; the permission covers every thread.
inline bool has_amx_bf16() {
#if defined(__x86_64__) && defined(__linux__)
  static const bool found = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    constexpr unsigned saved_by_system = 1U << 27, bf16_products = 1U << 22, tiles = 1U << 24;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & saved_by_system) == 0) return false;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
    if ((d & bf16_products) == 0 || (d & tiles) == 0) return false;
    constexpr unsigned tile_state = 3U << 17;  // configuration and data
    asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    if ((a & tile_state) != tile_state) return false;
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM of <asm/prctl.h>
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return found;
#else
  return false;
#endif
}

}  // namespace spankey::cpu
