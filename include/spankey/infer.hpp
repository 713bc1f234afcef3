// Everything that a program needs to run a model, and no package: no TBB, BLAS, Eigen or xtensor.
// infer/session.hpp is what a product includes: no heap, no exception. The models themselves run on the reference
// backend; with backend/cpu/cpu.hpp beside it also on backend::cpu.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/core/version.hpp"
#include "spankey/core/view.hpp"
#include "spankey/infer/next_token.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/inject/reading.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/llama.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/packed_weights.hpp"
#include "spankey/model/resnet18.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/model/vit_tiny.hpp"
// They are back.
#include "spankey/core/macros_on.hpp"
