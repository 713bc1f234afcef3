// Tile shapes of one instruction-set family (see foreach_isa.hpp) and the tables that conv2d_tile.hpp hands out.
// A full tile is 6 rows x 4 registers (6 x 2 where a family has 16): enough sums to hide the latency of the
// multiply-add, few enough to leave registers for the operands. Narrow outputs take more rows, and fewer where two
// bf16 have to be widened by hand.
#include "spankey/backend/cpu/conv2d_words.inl"

#if !defined(SPANKEY_HAS_DPBF16)  // that family has float tiles already: those of avx512
#if SPANKEY_REGISTERS == 32
#define TILE_NAME(name) name##_f4
#define TILE_SCALAR float
#define TILE_WORDS lanes
#define TILE_VECTORS 4
#define TILE_ROWS 6
#include "spankey/backend/cpu/conv2d_tile.inl"
#endif
#define TILE_NAME(name) name##_f2
#define TILE_SCALAR float
#define TILE_WORDS lanes
#define TILE_VECTORS 2
#define TILE_ROWS (SPANKEY_REGISTERS == 32 ? 12 : 6)
#include "spankey/backend/cpu/conv2d_tile.inl"
#define TILE_NAME(name) name##_f1
#define TILE_SCALAR float
#define TILE_WORDS lanes
#define TILE_VECTORS 1
#define TILE_ROWS 12
#include "spankey/backend/cpu/conv2d_tile.inl"

inline conv2d_tiles<float> conv2d_family(float) {
  return {SPANKEY_LANES,
          SPANKEY_REGISTERS == 32 ? 3 : 2,
          {{
              {1, 12, &conv2d_product_f1, &conv2d_gradient_f1},
              {2, SPANKEY_REGISTERS == 32 ? 12 : 6, &conv2d_product_f2, &conv2d_gradient_f2},
#if SPANKEY_REGISTERS == 32
              {4, 6, &conv2d_product_f4, &conv2d_gradient_f4},
#endif
          }}};
}
#endif

#if defined(SPANKEY_HAS_DPBF16)
#define SPANKEY_BF16_ROWS(vectors) ((vectors) == 4 ? 6 : 12)
#elif SPANKEY_REGISTERS == 32
#define SPANKEY_BF16_ROWS(vectors) ((vectors) == 4 ? 5 : (vectors) == 2 ? 10 : 12)
#else
#define SPANKEY_BF16_ROWS(vectors) ((vectors) == 2 ? 4 : 8)
#endif
#if SPANKEY_REGISTERS == 32
#define TILE_NAME(name) name##_b4
#define TILE_SCALAR bf16
#define TILE_WORDS word_lanes
#define TILE_VECTORS 4
#define TILE_ROWS SPANKEY_BF16_ROWS(4)
#include "spankey/backend/cpu/conv2d_tile.inl"
#endif
#define TILE_NAME(name) name##_b2
#define TILE_SCALAR bf16
#define TILE_WORDS word_lanes
#define TILE_VECTORS 2
#define TILE_ROWS SPANKEY_BF16_ROWS(2)
#include "spankey/backend/cpu/conv2d_tile.inl"
#define TILE_NAME(name) name##_b1
#define TILE_SCALAR bf16
#define TILE_WORDS word_lanes
#define TILE_VECTORS 1
#define TILE_ROWS SPANKEY_BF16_ROWS(1)
#include "spankey/backend/cpu/conv2d_tile.inl"

inline conv2d_tiles<bf16> conv2d_family(bf16) {
  return {SPANKEY_LANES,
          SPANKEY_REGISTERS == 32 ? 3 : 2,
          {{
              {1, SPANKEY_BF16_ROWS(1), &conv2d_product_b1, &conv2d_gradient_b1},
              {2, SPANKEY_BF16_ROWS(2), &conv2d_product_b2, &conv2d_gradient_b2},
#if SPANKEY_REGISTERS == 32
              {4, SPANKEY_BF16_ROWS(4), &conv2d_product_b4, &conv2d_gradient_b4},
#endif
          }}};
}
#undef SPANKEY_BF16_ROWS
