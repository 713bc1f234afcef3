// The CPU backend, whole: float and bf16 kernels on all cores, and what they say about themselves.
#pragma once

#include "spankey/backend/cpu/activation.hpp"
#include "spankey/backend/cpu/attention.hpp"
#include "spankey/backend/cpu/batch_norm.hpp"
#include "spankey/backend/cpu/block_product.hpp"
#include "spankey/backend/cpu/conv2d.hpp"
#include "spankey/backend/cpu/describe.hpp"
#include "spankey/backend/cpu/dropout.hpp"
#include "spankey/backend/cpu/elementwise.hpp"
#include "spankey/backend/cpu/embedding.hpp"
#include "spankey/backend/cpu/gated.hpp"
#include "spankey/backend/cpu/inject.hpp"
#include "spankey/backend/cpu/layer_norm.hpp"
#include "spankey/backend/cpu/linear.hpp"
#include "spankey/backend/cpu/pool2d.hpp"
#include "spankey/backend/cpu/rotary.hpp"
#include "spankey/backend/cpu/row_product.hpp"
#include "spankey/backend/cpu/tokens.hpp"
#include "spankey/backend/cpu/update.hpp"

namespace spankey {

static_assert(Backend<backend::cpu, float> && Backend<backend::cpu, bf16>);

}  // namespace spankey
