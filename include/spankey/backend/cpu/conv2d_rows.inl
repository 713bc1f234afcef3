// Rows of channels on their way into and out of the tiles; see conv2d_rows.hpp.

// to(i) += from(i)
inline void add_row(const float* from, index_t count, float* to) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(from + i);
    store_lanes(to + i, count - i, load_lanes(to + i, count - i) + load_lanes(from + i, count - i));
  }
}
inline void add_row(const bf16* from, index_t count, float* to) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(from + i);
    store_lanes(to + i, count - i, load_lanes(to + i, count - i) + load_lanes(from + i, count - i));
  }
}

// to(i) = from(i), rounded where `to` is narrower
inline void copy_row(const float* from, index_t count, bf16* to) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES)
    store_lanes(to + i, count - i, load_lanes(from + i, count - i));
}
inline void copy_row(const bf16* from, index_t count, float* to) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES)
    store_lanes(to + i, count - i, load_lanes(from + i, count - i));
}
inline void copy_row(const float* from, index_t count, float* to) { std::copy_n(from, count, to); }

// Words (first(i), second(i)); `second` may be null: zeros.
inline void pair_rows(const bf16* first, const bf16* second, index_t count, std::uint32_t* to) {
  typedef std::uint32_t pairs __attribute__((vector_size(SPANKEY_LANES * 4), aligned(4), may_alias));
  index_t i = 0;
  if (second != nullptr) {
    for (; i + SPANKEY_LANES <= count; i += SPANKEY_LANES) {
      const pairs low = reinterpret_cast<pairs>(load_lanes(first + i, SPANKEY_LANES)) >> 16;
      *reinterpret_cast<pairs*>(to + i) =
          low | reinterpret_cast<pairs>(load_lanes(second + i, SPANKEY_LANES));
    }
  }
  for (; i < count; ++i) {
    const std::uint32_t high = second != nullptr ? second[i].bits : 0U;
    to[i] = first[i].bits | high << 16;
  }
}
