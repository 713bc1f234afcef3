// What a translation unit has to be compiled as, before anything else is read: C++20, and with numbers that may be NaN or
// infinite. -ffast-math lets a compiler assume that there are none; then it may drop one on its way through a network,
// and a gate that should refuse answers. Every header reaches this one first. Behind the sentence comes a file that does
// not exist: it ends the compilation, so that no hundreds of errors follow.
#pragma once

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 202002L
#error "SpanKey needs C++20: compile with -std=c++20"
#include <SpanKey: -std=c++20>
#endif

#if (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error "SpanKey needs NaN and infinity: add -fno-finite-math-only behind -ffast-math or -Ofast"
#include <SpanKey: -fno-finite-math-only>
#endif

#include "spankey/core/one_march.hpp"
