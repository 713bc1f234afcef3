// What a kernel that maps the channels of 16 positions reads and writes: infer/activation_map.hpp says what it computes.
#pragma once

#include <cstdint>

#include "spankey/core/shape.hpp"

namespace spankey {

/// x and y (16, channels), which do not overlap; spare (channels, 16).
struct map_tile {
  index_t channels, block;  // block: of the mix (core/channel_mix.hpp)
  index_t rounds;           // odd
  const std::uint16_t*
      moves;  // (rounds, channels): where a channel goes, and `negative` where its sign changes before
  std::uint16_t negative;
  const float* root;  // rows of an upper triangular matrix, each from the diagonal on; null: none
  const float* x;
  float *y, *spare;
};

}  // namespace spankey
