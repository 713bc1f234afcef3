// The CPU backend computes in float.
#pragma once

#include "spankey/backend/backend.hpp"

namespace spankey {

template <>
inline constexpr bool has_kernels<backend::cpu, float> = true;

}  // namespace spankey
