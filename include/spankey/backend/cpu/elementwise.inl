// One block of a sum; see elementwise.hpp.

// to += from.
inline void add_elements(index_t count, const SPANKEY_SCALAR* from, SPANKEY_SCALAR* to) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(from + i);
    ask_to_write(to + i);
    store_lanes(to + i, count - i, load_lanes(to + i, count - i) + load_lanes(from + i, count - i));
  }
}

// y = a + b.
inline void sum_elements(index_t count, const SPANKEY_SCALAR* a, const SPANKEY_SCALAR* b, SPANKEY_SCALAR* y) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(a + i);
    ask_to_read(b + i);
    ask_to_write(y + i);
    store_lanes(y + i, count - i, load_lanes(a + i, count - i) + load_lanes(b + i, count - i));
  }
}
