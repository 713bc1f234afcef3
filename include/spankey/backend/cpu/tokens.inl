// to = from + position; see tokens.hpp.
inline void add_position(const SPANKEY_SCALAR* from, const float* position, index_t count,
                         SPANKEY_SCALAR* to) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES)
    store_lanes(to + i, count - i, load_lanes(from + i, count - i) + load_lanes(position + i, count - i));
}
