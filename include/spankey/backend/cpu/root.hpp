// Square roots of whole vectors, correctly rounded, for the texts that foreach_isa.hpp compiles:
//   root(v)   of lanes (floats), or of double_lanes (half as many doubles)
// Neither compiler makes one instruction of a loop over sqrt: errno stands in the way.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <cmath>
#endif

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/root.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
