// Some elements of dropout; see dropout.hpp. `number` holds whole vectors beyond the last element as well.
inline void dropout_elements(index_t count, const std::uint32_t* number, std::uint64_t threshold, float scale,
                             const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  typedef unsigned int drawn_words __attribute__((vector_size(4 * SPANKEY_LANES), aligned(4), may_alias));
  const lanes zero = {};
  // The largest number that drops; no threshold is no such number.
  const words last = words{} + static_cast<std::uint32_t>(threshold - 1);
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const lanes scaled = load_lanes(x + i, count - i) * scale;
    const words drawn = *reinterpret_cast<const drawn_words*>(number + i);
    store_lanes(y + i, count - i, threshold == 0 ? scaled : drawn > last ? scaled : zero);
  }
}
