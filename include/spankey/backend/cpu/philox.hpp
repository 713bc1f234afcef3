// Random numbers of core/random.hpp, CPU, whole vectors of Philox blocks at a time: the same bits in every family.
//   random_words(source, first, n, out)    out[i] = source.bits(first + i)
// Serial, for the texts that foreach_isa.hpp compiles and for SPANKEY_DISPATCH.
#pragma once

#include <cstdint>

#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/philox.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
