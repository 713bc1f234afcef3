// The CUDA backend computes in float; activations and their gradients are stored in float or in bf16.
#pragma once

#include <concepts>

#include "spankey/backend/backend.hpp"

namespace spankey {

namespace cuda {
/// What activations may be stored in.
template <class T>
concept Scalar = std::same_as<T, float> || std::same_as<T, bf16>;
}  // namespace cuda

template <cuda::Scalar T>
inline constexpr bool has_kernels<backend::cuda, T> = true;

}  // namespace spankey
