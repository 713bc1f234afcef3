// Rows of one head on their way into and out of attention's blocks; see attention_block.hpp. Those of blocks lie `width`
// floats apart, which are whole vectors.

// to = from, zeros behind the last column.
inline void attention_take(const SPANKEY_SCALAR* from, index_t step, index_t rows, index_t columns, float* to,
                           index_t width) {
  constexpr index_t ahead = 12;
  for (index_t r = 0; r < rows; ++r) {
    ask_for_row(from + r * step, ahead * step, columns);
    for (index_t c = 0; c < width; c += SPANKEY_LANES)
      *reinterpret_cast<lanes*>(to + r * width + c) = load_lanes(from + r * step + c, columns - c);
  }
}

inline void attention_put(const float* from, index_t width, index_t rows, index_t columns, SPANKEY_SCALAR* to,
                          index_t step) {
  for (index_t r = 0; r < rows; ++r)
    for (index_t c = 0; c < columns; c += SPANKEY_LANES)
      store_lanes(to + r * step + c, columns - c, *reinterpret_cast<const lanes*>(from + r * width + c));
}
