// What stands before a locked layer, T x, of a tile of 16 positions (infer/activation_map.hpp has the formula and its plain
// loops): channel by channel in vectors of positions. Serial; within one family the same bits wherever the tile lies.
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/map_tile.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/map_tile.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
