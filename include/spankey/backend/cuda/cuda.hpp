// The CUDA backend, whole. A program that includes it links spankey::cuda, the compiled part, and is compiled by any C++20
// compiler; only src/cuda/*.cu are nvcc's.
#pragma once

#include "spankey/backend/cuda/activation.hpp"
#include "spankey/backend/cuda/attention.hpp"
#include "spankey/backend/cuda/batch_norm.hpp"
#include "spankey/backend/cuda/conv2d.hpp"
#include "spankey/backend/cuda/device.hpp"
#include "spankey/backend/cuda/dropout.hpp"
#include "spankey/backend/cuda/elementwise.hpp"
#include "spankey/backend/cuda/embedding.hpp"
#include "spankey/backend/cuda/gated.hpp"
#include "spankey/backend/cuda/inject.hpp"
#include "spankey/backend/cuda/layer_norm.hpp"
#include "spankey/backend/cuda/linear.hpp"
#include "spankey/backend/cuda/loss.hpp"
#include "spankey/backend/cuda/memory.hpp"
#include "spankey/backend/cuda/pool2d.hpp"
#include "spankey/backend/cuda/rotary.hpp"
#include "spankey/backend/cuda/tokens.hpp"
#include "spankey/backend/cuda/update.hpp"

namespace spankey {

static_assert(Backend<backend::cuda, float> && Backend<backend::cuda, bf16>);

}  // namespace spankey
