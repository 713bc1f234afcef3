// The reference backend, whole: the specification of every kernel in plain loops.
#pragma once

#include "spankey/backend/reference/activation.hpp"
#include "spankey/backend/reference/attention.hpp"
#include "spankey/backend/reference/batch_norm.hpp"
#include "spankey/backend/reference/conv2d.hpp"
#include "spankey/backend/reference/dropout.hpp"
#include "spankey/backend/reference/elementwise.hpp"
#include "spankey/backend/reference/embedding.hpp"
#include "spankey/backend/reference/gated.hpp"
#include "spankey/backend/reference/inject.hpp"
#include "spankey/backend/reference/layer_norm.hpp"
#include "spankey/backend/reference/linear.hpp"
#include "spankey/backend/reference/pool2d.hpp"
#include "spankey/backend/reference/rotary.hpp"
#include "spankey/backend/reference/tokens.hpp"
#include "spankey/backend/reference/update.hpp"

namespace spankey {

static_assert(Backend<backend::reference, float> && Backend<backend::reference, double>);

}  // namespace spankey
