// What a program adds to spankey/train.hpp to train with backend::cuda: its kernels, and training steps whose memory is the
// GPU's. It links spankey::cuda.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.
#include "spankey/backend/cuda/cuda.hpp"
#include "spankey/train/device_step_runner.hpp"
// They are back.
#include "spankey/core/macros_on.hpp"
