// Tile shapes of one instruction-set family (see foreach_isa.hpp) and the table that conv2d_tile.hpp hands out.
// A full tile is 6 rows x 4 registers (6 x 2 where a family has 16): enough sums to hide the latency of the
// multiply-add, few enough to leave registers for the operands. Narrow outputs take more rows.
#if SPANKEY_REGISTERS == 32
#define TILE_NAME(name) name##_4
#define TILE_VECTORS 4
#define TILE_ROWS 6
#include "spankey/backend/cpu/conv2d_tile.inl"
#undef TILE_NAME
#undef TILE_VECTORS
#undef TILE_ROWS
#endif

#define TILE_NAME(name) name##_2
#define TILE_VECTORS 2
#define TILE_ROWS (SPANKEY_REGISTERS == 32 ? 12 : 6)
#include "spankey/backend/cpu/conv2d_tile.inl"
#undef TILE_NAME
#undef TILE_VECTORS
#undef TILE_ROWS

#define TILE_NAME(name) name##_1
#define TILE_VECTORS 1
#define TILE_ROWS 12
#include "spankey/backend/cpu/conv2d_tile.inl"
#undef TILE_NAME
#undef TILE_VECTORS
#undef TILE_ROWS

// to[i] += from[i]
inline void conv2d_add(const float* from, index_t count, float* to) {
  index_t i = 0;
  for (; i + SPANKEY_LANES <= count; i += SPANKEY_LANES) {
    *reinterpret_cast<lanes*>(to + i) += *reinterpret_cast<const lanes*>(from + i);
  }
  for (; i < count; ++i) to[i] += from[i];
}

inline conv2d_tiles conv2d_family() {
  return {SPANKEY_LANES,
          SPANKEY_REGISTERS == 32 ? 3 : 2,
          &conv2d_add,
          {{
              {1, 12, &conv2d_product_1, &conv2d_gradient_1},
              {2, SPANKEY_REGISTERS == 32 ? 12 : 6, &conv2d_product_2, &conv2d_gradient_2},
#if SPANKEY_REGISTERS == 32
              {4, 6, &conv2d_product_4, &conv2d_gradient_4},
#endif
          }}};
}
