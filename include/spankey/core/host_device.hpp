// Marks a function that GPU kernels call too: a formula then has one text for every backend. Empty outside nvcc.
#pragma once

#include "spankey/core/dialect.hpp"

#if defined(__CUDACC__)
#define SPANKEY_HOST_DEVICE __host__ __device__
#else
#define SPANKEY_HOST_DEVICE
#endif
