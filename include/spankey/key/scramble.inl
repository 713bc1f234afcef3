// What key/scramble.hpp declares.
#pragma once

#include <utility>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/key/scramble.hpp"

namespace spankey {

void permute_elements(const extents& shape, const random_source& source, number_range range,
                      const row_selection& rows, float* keys) {
  parallel_for(rows.size(), [=, &source](index_t task) {
    float* const key = keys + rows[task] * shape.size();
    index_reader random(source);
    for (index_t last = shape.size() - 1; last > 0; --last) {
      const index_t other = random.below(range.at(rows[task], last), last + 1);
      std::swap(key[memory_index(shape, last)], key[memory_index(shape, other)]);
    }
  });
}

void flip_half_of_signs(const extents& shape, const random_source& source, number_range range,
                        const row_selection& rows, float* keys) {
  parallel_for(rows.size(), [=, &source](index_t task) {
    const index_t d = shape.size();
    float* const key = keys + rows[task] * d;
    index_reader random(source);
    index_t wanted = d / 2;
    for (index_t f = 0; wanted > 0; ++f) {
      if (random.below(range.at(rows[task], f), d - f) >= wanted) continue;
      float& element = key[memory_index(shape, f)];
      element = -element;
      --wanted;
    }
  });
}

}  // namespace spankey
