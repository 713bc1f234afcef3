// Rows of channels on their way into and out of the convolution's tiles: sums, conversions, pairs.
//   add_row      to(i) += from(i)              copy_row    to(i) = from(i), rounded where `to` is narrower
//   pair_rows    to(i) = (first(i), second(i)), the word of two bf16
#pragma once

#include <algorithm>
#include <cstdint>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/core/bf16.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/conv2d_rows.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
