// Rows of channels on their way into and out of AMX tiles (conv2d_amx_tile.hpp):
// of products
//   amx_copy_line          pixels of one sample into its row of the operand a
//   amx_finish             y(row, i) = sums(row, i) + start(i), or y += sums where start is null; rounded once
// and of weight gradients
//   amx_transpose_samples  one pixel of 32 samples into (channel, 16 words of two samples): the operand a
//   amx_pair_samples       one pixel of 32 samples into (16 words of two samples, channel): the operand b
#pragma once

#include <cstdint>

#include "spankey/backend/cpu/conv2d_amx_tile.hpp"
#include "spankey/backend/cpu/conv2d_tile.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/core/bf16.hpp"

namespace spankey::cpu {

/// Channels of one pixel cut into steps: `whole` of 32, then, unless it is 0, one with `rest` channels from place
/// `rest_at` on and zeros elsewhere.
struct amx_channels {
  index_t whole, rest, rest_at;
};

/// One pixel of up to 32 samples, `step` elements apart; those beyond `count` read as zeros.
struct amx_samples {
  const bf16* first;
  index_t step, count;
};
using amx_spare_rows = bf16[amx_rows][amx_rows];

}  // namespace spankey::cpu

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/conv2d_amx_rows.inl"
#define SPANKEY_ISA_BF16
#include "spankey/backend/cpu/foreach_isa.hpp"
