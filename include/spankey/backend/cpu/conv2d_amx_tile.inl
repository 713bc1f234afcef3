// Products of tiles; see conv2d_amx_tile.hpp, which defines TILE_ZERO, TILE_LOAD, TILE_STORE, TILE_MULTIPLY and the
// rest for the processor's tiles and for emulated ones. Tile numbers have to be literals: 0 to 3 hold sums, 4 and 5
// rows of a, 6 and 7 columns of b.

inline void amx_begin() { TILE_CONFIGURE(&amx_full_tiles); }
inline void amx_end() { TILE_RELEASE(); }

// Four loads (32 cycles) for four products (64 cycles): loads wait for nothing but the second-level cache.
#define AMX_WIDE_STEP(a, b)                \
  TILE_LOAD(6, b, b_step);                 \
  TILE_LOAD(4, a, amx_tile_bytes);         \
  TILE_MULTIPLY(0, 4, 6);                  \
  TILE_LOAD(7, (b) + 16, b_step);          \
  TILE_MULTIPLY(1, 4, 7);                  \
  TILE_LOAD(5, (a) + 256, amx_tile_bytes); \
  TILE_MULTIPLY(2, 5, 6);                  \
  TILE_MULTIPLY(3, 5, 7)

inline void amx_multiply_wide(const amx_walk& walk, const std::uint32_t* a, const std::uint32_t* b,
                              bool fresh, float* sums, index_t sums_width) {
  const index_t b_step = walk.b_width * 4, sums_step = sums_width * 4, step_words = walk.b_width * 16;
  float* const lower = sums + 16 * sums_width;
  TILE_FENCE();
  if (fresh) {
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
    TILE_ZERO(3);
  } else {
    TILE_LOAD(0, sums, sums_step);
    TILE_LOAD(1, sums + 16, sums_step);
    TILE_LOAD(2, lower, sums_step);
    TILE_LOAD(3, lower + 16, sums_step);
  }
  for (index_t r = 0; r < walk.rows; ++r)
    for (index_t c = 0; c < walk.columns; ++c) {
      const std::uint32_t* x = a + r * walk.a_row + c * walk.a_column;
      const std::uint32_t* w = b + r * walk.b_row + c * walk.b_column;
      const std::uint32_t* const last = w + walk.b_last;
      for (index_t step = 1; step < walk.steps; ++step) {
        AMX_WIDE_STEP(x, w);
        x += amx_step_words;
        w += step_words;
      }
      AMX_WIDE_STEP(x, last);
    }
  TILE_STORE(0, sums, sums_step);
  TILE_STORE(1, sums + 16, sums_step);
  TILE_STORE(2, lower, sums_step);
  TILE_STORE(3, lower + 16, sums_step);
  TILE_FENCE();
}
#undef AMX_WIDE_STEP

#define AMX_NARROW_STEP(a, b)              \
  TILE_LOAD(6, b, b_step);                 \
  TILE_LOAD(4, a, amx_tile_bytes);         \
  TILE_MULTIPLY(0, 4, 6);                  \
  TILE_LOAD(5, (a) + 256, amx_tile_bytes); \
  TILE_MULTIPLY(2, 5, 6)

inline void amx_multiply_narrow(const amx_walk& walk, const std::uint32_t* a, const std::uint32_t* b,
                                bool fresh, float* sums, index_t sums_width) {
  const index_t b_step = walk.b_width * 4, sums_step = sums_width * 4, step_words = walk.b_width * 16;
  float* const lower = sums + 16 * sums_width;
  TILE_FENCE();
  if (fresh) {
    TILE_ZERO(0);
    TILE_ZERO(2);
  } else {
    TILE_LOAD(0, sums, sums_step);
    TILE_LOAD(2, lower, sums_step);
  }
  for (index_t r = 0; r < walk.rows; ++r)
    for (index_t c = 0; c < walk.columns; ++c) {
      const std::uint32_t* x = a + r * walk.a_row + c * walk.a_column;
      const std::uint32_t* w = b + r * walk.b_row + c * walk.b_column;
      const std::uint32_t* const last = w + walk.b_last;
      for (index_t step = 1; step < walk.steps; ++step) {
        AMX_NARROW_STEP(x, w);
        x += amx_step_words;
        w += step_words;
      }
      AMX_NARROW_STEP(x, last);
    }
  TILE_STORE(0, sums, sums_step);
  TILE_STORE(2, lower, sums_step);
  TILE_FENCE();
}
#undef AMX_NARROW_STEP
