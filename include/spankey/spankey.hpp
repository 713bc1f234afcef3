// The whole library.
#pragma once

#include "spankey/backend/cpu/describe.hpp"
#include "spankey/infer.hpp"
#include "spankey/testing/gradient_check.hpp"
#include "spankey/train.hpp"
