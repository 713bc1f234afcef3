// The reference backend computes in float and double.
#pragma once

#include "spankey/backend/backend.hpp"

namespace spankey {

template <>
inline constexpr bool has_kernels<backend::reference, float> = true;
template <>
inline constexpr bool has_kernels<backend::reference, double> = true;

}  // namespace spankey
