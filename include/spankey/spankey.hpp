// The whole library.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.
#include "spankey/backend/cpu/describe.hpp"
#include "spankey/infer.hpp"
#include "spankey/testing/gradient_check.hpp"
#include "spankey/train.hpp"
// They are back.
#include "spankey/core/macros_on.hpp"
