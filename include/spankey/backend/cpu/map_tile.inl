// See map_tile.hpp. A channel of the tile is a row of 16 floats.
inline constexpr index_t tile_width = 16, tile_vectors = tile_width / SPANKEY_LANES;
typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

// (rows, 16) from (16, rows), or back: 4 x 4 at a time; what is left one by one.
inline __attribute__((always_inline)) void transpose_four(const float* from, index_t from_stride, float* to,
                                                          index_t to_stride) {
  const auto row = [&](index_t i) { return *reinterpret_cast<const four*>(from + i * from_stride); };
  const four a = row(0), b = row(1), c = row(2), d = row(3);
  const four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const four ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const auto put = [&](index_t i, four v) { *reinterpret_cast<four*>(to + i * to_stride) = v; };
  put(0, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
  put(1, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
  put(2, __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5));
  put(3, __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7));
}
inline void channels_first(const float* x, index_t channels, float* y) {
  index_t c = 0;
  for (; c + 4 <= channels; c += 4)
    for (index_t j = 0; j < tile_width; j += 4)
      transpose_four(x + j * channels + c, channels, y + c * tile_width + j, tile_width);
  for (; c < channels; ++c)
    for (index_t j = 0; j < tile_width; ++j) y[c * tile_width + j] = x[j * channels + c];
}
inline void channels_last(const float* x, index_t channels, float* y) {
  index_t c = 0;
  for (; c + 4 <= channels; c += 4)
    for (index_t j = 0; j < tile_width; j += 4)
      transpose_four(x + c * tile_width + j, tile_width, y + j * channels + c, channels);
  for (; c < channels; ++c)
    for (index_t j = 0; j < tile_width; ++j) y[j * channels + c] = x[c * tile_width + j];
}

inline __attribute__((always_inline)) lanes* row_of(float* y, index_t c, int v) {
  return reinterpret_cast<lanes*>(y + c * tile_width + v * SPANKEY_LANES);
}

// `count` rows of the triangle from row i on, of which `row` is the first: what they read below themselves is not written
// yet. As many sums as there are registers for.
inline constexpr int root_rows = SPANKEY_LANES / 2;
inline __attribute__((always_inline)) void root_of(const int count, index_t i, index_t channels,
                                                   const float* row, float* y) {
  lanes sum[root_rows][tile_vectors] = {};
  const float* rows[root_rows];  // element k of a row is rows[r][k]
  for (int r = 0; r < count; ++r) {
    rows[r] = row - (i + r);
    row += channels - (i + r);
  }
  for (int r = 0; r < count; ++r)
    for (index_t k = i + r; k < i + count; ++k)
      for (int v = 0; v < tile_vectors; ++v) sum[r][v] = *row_of(y, k, v) * rows[r][k] + sum[r][v];
  for (index_t k = i + count; k < channels; ++k) {
#pragma GCC unroll 8
    for (int r = 0; r < count; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < tile_vectors; ++v) sum[r][v] = *row_of(y, k, v) * rows[r][k] + sum[r][v];
  }
  for (int r = 0; r < count; ++r)
    for (int v = 0; v < tile_vectors; ++v) *row_of(y, i + r, v) = sum[r][v];
}
inline void apply_root(const float* root, index_t channels, float* y) {
  const auto skip = [&](index_t i, int count) {
    for (int r = 0; r < count; ++r) root += channels - (i + r);
  };
  index_t i = 0;
  for (; i + root_rows <= channels; skip(i, root_rows), i += root_rows)
    root_of(root_rows, i, channels, root, y);
  for (; i < channels; skip(i, 1), ++i) root_of(1, i, channels, root, y);
}

// Sums and differences of rows `width` apart, for every width below `block`.
inline void mix_rows(float* y, index_t channels, index_t block) {
  for (index_t width = 1; width < block; width *= 2)
    for (index_t first = 0; first < channels; first += 2 * width)
      for (index_t c = first; c < first + width; ++c)
#pragma GCC unroll 4
        for (int v = 0; v < tile_vectors; ++v) {
          const lanes a = *row_of(y, c, v), b = *row_of(y, c + width, v);
          *row_of(y, c, v) = a + b;
          *row_of(y, c + width, v) = a - b;
        }
}
// The blocks among each other, of which there are q: see core/channel_mix.hpp.
inline void mix_row_blocks(float* y, index_t block, index_t q) {
  const float u = 1 / std::sqrt(3.0F), w = 1 / std::sqrt(2.0F), z = 1 / std::sqrt(6.0F);
  const float share = 2 / static_cast<float>(q);
  for (index_t c = 0; c < block; ++c)
    for (int v = 0; v < tile_vectors; ++v) {
      if (q == 3) {
        const lanes a = *row_of(y, c, v), b = *row_of(y, c + block, v), d = *row_of(y, c + 2 * block, v);
        *row_of(y, c, v) = u * (a + b + d);
        *row_of(y, c + block, v) = w * (a - b);
        *row_of(y, c + 2 * block, v) = z * (a + b - 2 * d);
      } else {
        lanes sum = {};
        for (index_t i = 0; i < q; ++i) sum += *row_of(y, c + i * block, v);
        sum *= share;
        for (index_t i = 0; i < q; ++i) *row_of(y, c + i * block, v) -= sum;
      }
    }
}

inline void map_positions_of(const map_tile* t) {
  const index_t channels = t->channels, q = channels / t->block;
  const float length = 1 / std::sqrt(static_cast<float>(t->block));
  channels_first(t->x, channels, t->y);
  if (t->root != nullptr) apply_root(t->root, channels, t->y);
  float *from = t->y, *to = t->spare;
  for (index_t round = 0; round < t->rounds; ++round) {
    const std::uint16_t* const move = t->moves + round * channels;
    for (index_t c = 0; c < channels; ++c) {
      const float factor = (move[c] & t->negative) != 0 ? -length : length;
      for (int v = 0; v < tile_vectors; ++v) *row_of(from, c, v) *= factor;
    }
    mix_rows(from, channels, t->block);
    if (q > 1) mix_row_blocks(from, t->block, q);
    for (index_t c = 0; c < channels; ++c) {
      const index_t at = move[c] & static_cast<std::uint16_t>(~t->negative);
      for (int v = 0; v < tile_vectors; ++v) *row_of(to, at, v) = *row_of(from, c, v);
    }
    std::swap(from, to);
  }
  channels_last(from, channels, t->y);
}
