// Who of several answers how to the same samples: a row a key, or a training; a column a sample. Where a figure counts an answer
// (train/metrics.hpp) its bit is set.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "spankey/attack/attacked_gate.hpp"
#include "spankey/attack/held_samples.hpp"
#include "spankey/attack/unlabelled.hpp"
#include "spankey/core/error.hpp"
#include "spankey/train/metrics.hpp"

namespace spankey {

struct answer_table {
  index_t columns = 0;
  std::vector<std::uint8_t> hits;  // rows x columns

  [[nodiscard]] index_t rows() const {
    return columns == 0 ? 0 : static_cast<index_t>(hits.size()) / columns;
  }
  [[nodiscard]] bool hit(index_t row, index_t column, figure f) const {
    return (hits[static_cast<std::size_t>(row * columns + column)] & hit_bit(f)) != 0;
  }
  /// Of one row: the share of the columns that `f` counts.
  [[nodiscard]] double share(index_t row, figure f) const {
    index_t count = 0;
    for (index_t c = 0; c < columns; ++c) count += hit(row, c, f) ? 1 : 0;
    return static_cast<double>(count) / static_cast<double>(columns);
  }
  [[nodiscard]] std::vector<double> shares(figure f) const {
    std::vector<double> all;
    for (index_t r = 0; r < rows(); ++r) all.push_back(share(r, f));
    return all;
  }
  /// Adds the rows of another table of the same columns.
  void append(const answer_table& other) {
    columns = other.columns;
    hits.insert(hits.end(), other.hits.begin(), other.hits.end());
  }
};

inline double mean_of(std::span<const double> numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

/// What a gate answers about all samples, under one key after another. `keys`: rows of gate.key_size(), or empty for one row
/// without a key. Errors: those of ask().
inline answer_table ask_keys(attacked_gate& gate, const held_samples& samples, std::span<const float> keys) {
  const auto size = static_cast<std::size_t>(gate.key_size());
  const std::size_t rows = keys.empty() ? 1 : keys.size() / size;
  answer_table table{samples.size(), {}};
  answer_counter<float> counter(gate.classes(), gate.head());
  for (std::size_t r = 0; r < rows; ++r) {
    const std::span<const float> key = keys.empty() ? keys : keys.subspan(r * size, size);
    for (index_t done = 0; done < samples.size();) {
      const index_t n = std::min(gate.batch(), samples.size() - done);
      counter.add(gate.ask(samples.features(done), n, key), samples.labels.data() + done, n);
      done += n;
    }
    (void)counter.finish_key(&table.hits);
  }
  return table;
}

/// What a network answers about all samples of a data set without a key: one row. Its memory holds `batch` samples.
template <class Model, class Data>
answer_table answers_without_key(Model& model, const Data& data, index_t batch) {
  answer_table table{data.size(), {}};
  answer_counter<float> counter(data.classes, model.head());
  std::vector<int> labels;
  index_t done = 0;
  for_each_batch(model, data, {.samples = data.size(), .batch = batch}, [&](const auto* x, index_t n) {
    labels.clear();
    for (index_t i = 0; i < n; ++i) labels.push_back(data.label(done + i));
    counter.add(model.forward(pass{}, x, n, {}), labels.data(), n);
    done += n;
  });
  (void)counter.finish_key(&table.hits);
  return table;
}

/// Of every row the best of several attacks by `f`, as an attacker chooses who tries them all. Tables of as many rows and
/// columns; fails with attack.123.
inline answer_table best_by_row(std::span<const answer_table* const> attacks, figure f) {
  answer_table best = *attacks.front();
  for (const answer_table* other : attacks.subspan(1)) {
    if (other->columns != best.columns || other->rows() != best.rows())
      fail("attack.123", "best_by_row", "found a table of ", other->rows(), " x ", other->columns,
           ", expected ", best.rows(), " x ", best.columns);
    for (index_t r = 0; r < best.rows(); ++r)
      if (other->share(r, f) > best.share(r, f))
        std::copy_n(other->hits.begin() + r * best.columns, best.columns,
                    best.hits.begin() + r * best.columns);
  }
  return best;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
