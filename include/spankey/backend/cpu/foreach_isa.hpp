// Compiles one kernel text once per instruction-set family. No include guard: included once per text.
//
//   #define SPANKEY_ISA_TEXT "spankey/backend/cpu/NAME.inl"
//   #define SPANKEY_ISA_BF16        only for a text that multiplies bf16: once more, for spankey::cpu::avx512_bf16,
//                                   where SPANKEY_HAS_DPBF16 is defined
//   #include "spankey/backend/cpu/foreach_isa.hpp"
//
// The text holds plain inline functions (no templates: their attributes would be lost) and lands in
// spankey::cpu::avx512, ::avx2 and ::portable. It sees
//   SPANKEY_LANES       floats in one register: 16, 8, 4
//   SPANKEY_REGISTERS   vector registers: 32, 16, 16
//   lanes               a vector of SPANKEY_LANES floats that may be loaded from any float address
// and writes a*b + c where it wants a fused multiply-add. SPANKEY_DISPATCH(function) is a callable that remembers
// the family that was active when it was made and calls that family's function (or overload).
#include "spankey/backend/cpu/isa.hpp"

#ifndef SPANKEY_DISPATCH
#if defined(__x86_64__)
#define SPANKEY_DISPATCH(function)                                                               \
  ([family = ::spankey::active_isa()](auto... arguments) {                                       \
    if (family >= ::spankey::isa::avx512) return ::spankey::cpu::avx512::function(arguments...); \
    if (family == ::spankey::isa::avx2) return ::spankey::cpu::avx2::function(arguments...);     \
    return ::spankey::cpu::portable::function(arguments...);                                     \
  })
#else
#define SPANKEY_DISPATCH(function) \
  ([](auto... arguments) { return ::spankey::cpu::portable::function(arguments...); })
#endif

// The same for a text that asked for the family of AVX512-BF16 (SPANKEY_ISA_BF16).
#if defined(__x86_64__)
#define SPANKEY_DISPATCH_BF16(function)                                                                    \
  ([family = ::spankey::active_isa()](auto... arguments) {                                                 \
    if (family >= ::spankey::isa::avx512_bf16) return ::spankey::cpu::avx512_bf16::function(arguments...); \
    if (family == ::spankey::isa::avx512) return ::spankey::cpu::avx512::function(arguments...);           \
    if (family == ::spankey::isa::avx2) return ::spankey::cpu::avx2::function(arguments...);               \
    return ::spankey::cpu::portable::function(arguments...);                                               \
  })
#else
#define SPANKEY_DISPATCH_BF16(function) SPANKEY_DISPATCH(function)
#endif

namespace spankey::cpu {
#if defined(__x86_64__)
namespace avx512 {
typedef float lanes __attribute__((vector_size(64), aligned(4), may_alias));
}
namespace avx512_bf16 {
using avx512::lanes;
}
namespace avx2 {
typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));
}
#endif
namespace portable {
typedef float lanes __attribute__((vector_size(16), aligned(4), may_alias));
}
}  // namespace spankey::cpu
#endif

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
#define SPANKEY_LANES 16
#define SPANKEY_REGISTERS 32
namespace spankey::cpu::avx512 {
#include SPANKEY_ISA_TEXT
}
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#if defined(SPANKEY_ISA_BF16)
#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,prefer-vector-width=512")
#endif
#define SPANKEY_HAS_DPBF16
namespace spankey::cpu::avx512_bf16 {
#include SPANKEY_ISA_TEXT
}
#undef SPANKEY_HAS_DPBF16
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
#undef SPANKEY_LANES
#undef SPANKEY_REGISTERS

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define SPANKEY_LANES 8
#define SPANKEY_REGISTERS 16
namespace spankey::cpu::avx2 {
#include SPANKEY_ISA_TEXT
}
#undef SPANKEY_LANES
#undef SPANKEY_REGISTERS
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // x86-64

#define SPANKEY_LANES 4
#define SPANKEY_REGISTERS 16
namespace spankey::cpu::portable {
#include SPANKEY_ISA_TEXT
}
#undef SPANKEY_LANES
#undef SPANKEY_REGISTERS
#undef SPANKEY_ISA_TEXT
#undef SPANKEY_ISA_BF16
