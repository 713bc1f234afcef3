// The weights of one operation on their way into an image (infer/make_image.hpp), as float, bf16, int8 or in blocks.
//   int8: scale(o) = max |w(.., o)| / 127, rounded to nearest          blocks: core/int8_blocks.hpp
// Outputs, or rows of blocks, go in tasks side by side where the backend is the CPU's; every number by itself, so that an image
// has the same bytes for any number of threads.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "spankey/backend/backend.hpp"
#include "spankey/core/error.hpp"
#include "spankey/infer/image.hpp"

namespace spankey::infer {

/// The weights of one operation, in the model's own layout: (kh, kw, i, o), which is (i, o) for a linear map. What a batch norm
/// makes of an output's weights stands apart: w'(.., o) = w(.., o) f(o).
template <class Number>
struct folded_weights {
  std::string name;                 // of the parameter
  std::span<const Number> weights;  // the model's, or `own`
  std::vector<double> factor, bias;
  std::vector<Number> own;

  /// So many outputs that nothing is done to.
  explicit folded_weights(std::size_t outputs) : factor(outputs, 1.0), bias(outputs) {}
  folded_weights(folded_weights&&) noexcept = default;  // a copy's weights would be another's
  folded_weights& operator=(folded_weights&&) noexcept = default;
  void keep(std::vector<Number> numbers) { own = std::move(numbers), weights = own; }

  [[nodiscard]] double operator()(std::size_t j, std::size_t o) const {
    return static_cast<double>(weights[j]) * factor[o];
  }
  /// Fails with infer.103 where a number is not finite, or too large for a float or a bf16.
  void require_storable() const {
    constexpr double largest = 3.3e38;
    const auto refuse_other = [&](double v) {
      if (!(std::abs(v) <= largest))
        fail("infer.103", name, "found ", v, " among its weights with batch norm, expected finite numbers");
    };
    double most = 0;
    for (std::size_t o = 0; o < bias.size(); ++o) {
      refuse_other(bias[o]);
      refuse_other(factor[o]);
      most = std::max(most, std::abs(factor[o]));
    }
    // All of them are storable where the largest factor leaves them so, which is quickly asked.
    const auto bound = static_cast<Number>(largest / std::max(most, 1.0));
    bool small = true;
    for (const Number v : weights) small &= std::abs(v) <= bound;
    for (std::size_t j = 0; !small && j < weights.size(); ++j) refuse_other((*this)(j, j % bias.size()));
  }
  /// Becomes what a batch norm of the map's outputs, with its running statistics, makes of them.
  void normalise(const folded_weights& scale, const std::vector<double>& mean,
                 const std::vector<double>& variance, double epsilon) {
    for (std::size_t o = 0; o < bias.size(); ++o) {
      factor[o] = scale(o, o) / std::sqrt(variance[o] + epsilon);
      bias[o] = (bias[o] - mean[o]) * factor[o] + scale.bias[o];
    }
  }
  /// The weights and biases of another map of the same input, as further outputs: fc_aux beside fc.
  void join(const folded_weights& other) {
    const std::size_t outputs = bias.size(), more = other.bias.size(), rows = weights.size() / outputs;
    std::vector<Number> all;
    for (std::size_t row = 0; row < rows; ++row) {
      const auto add = [&](std::span<const Number> of) { all.insert(all.end(), of.begin(), of.end()); };
      add(weights.subspan(row * outputs, outputs));
      add(other.weights.subspan(row * more, more));
    }
    keep(std::move(all));
    factor.resize(outputs + more, 1.0);
    bias.insert(bias.end(), other.bias.begin(), other.bias.end());
  }
};

/// v rounded to the nearest whole number, as std::nearbyint does, without a call: |v| is below 2^50.
inline double to_nearest(double v) {
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  return (v + shift) - shift;
}

template <class Weight, class Number>
class weight_store {
 public:
  static constexpr std::size_t outputs_of_task = 64;  // whole cache lines of every row
  static constexpr std::size_t rows_of_task = 16;     // of blocks

  weight_store(const operation& op, const folded_weights<Number>& from, std::byte* image,
               const image_part& part)
      : from_(from),
        columns_(from.bias.size()),
        rows_(from.weights.size() / columns_),
        blocks_(in_blocks<Weight> && block_count(op) > 0),
        transposed_(op.kind == operation_kind::convolution),
        scale_(image + part.scale),
        weights_(image + part.weights) {
    for (std::size_t o = 0; o < columns_; ++o) put(image + part.bias, o, static_cast<float>(from.bias[o]));
  }
  [[nodiscard]] std::size_t tasks() const {
    const std::size_t size = blocks_ ? rows_of_task : outputs_of_task;
    return ((blocks_ && !transposed_ ? rows_ : columns_) + size - 1) / size;
  }
  void run(std::size_t task) const {
    if (blocks_) return run_blocks(task * rows_of_task);
    const std::size_t first = task * outputs_of_task, last = std::min(columns_, first + outputs_of_task);
    if constexpr (std::is_same_v<Weight, std::int8_t>) {
      run_int8(first, last);
    } else {
      using stored = std::conditional_t<in_blocks<Weight>, float, Weight>;  // of a vector
      for (std::size_t row = 0; row < rows_; ++row)
        for (std::size_t o = first; o < last; ++o)
          put(weights_, row * columns_ + o, static_cast<stored>(from_(row * columns_ + o, o)));
    }
  }

 private:
  template <class T>
  static void put(std::byte* to, std::size_t i, T value) {
    std::memcpy(to + i * sizeof value, &value, sizeof value);
  }
  void run_int8(std::size_t first, std::size_t last) const {
    double scale[outputs_of_task] = {};
    for (std::size_t row = 0; row < rows_; ++row)
      for (std::size_t o = first; o < last; ++o)
        scale[o - first] = std::max(scale[o - first], std::abs(from_(row * columns_ + o, o)));
    for (std::size_t o = first; o < last; ++o) {
      const auto stored = static_cast<float>(scale[o - first] > 0 ? scale[o - first] / 127 : 1);
      put(scale_, o, stored);
      scale[o - first] = static_cast<double>(stored);
    }
    for (std::size_t row = 0; row < rows_; ++row)
      for (std::size_t o = first; o < last; ++o) {
        const double whole = to_nearest(from_(row * columns_ + o, o) / scale[o - first]);
        put(weights_, row * columns_ + o, static_cast<std::int8_t>(std::clamp(whole, -127.0, 127.0)));
      }
  }
  // Rows of blocks from `first` on: outputs of a map, or rows of a table.
  void run_blocks(std::size_t first) const {
    constexpr auto size = static_cast<std::size_t>(numbers_of_block);
    const std::size_t count = transposed_ ? rows_ : columns_, of_row = (count + size - 1) / size;
    const std::size_t rows = std::min(rows_of_task, (transposed_ ? columns_ : rows_) - first);
    for (std::size_t k = 0; k < of_row; ++k) {
      double tile[rows_of_task][size] = {};
      const std::size_t n = std::min(size, count - k * size);
      for (std::size_t i = 0; transposed_ && i < n; ++i)
        for (std::size_t r = 0; r < rows; ++r)
          tile[r][i] = from_((k * size + i) * columns_ + first + r, first + r);
      for (std::size_t r = 0; !transposed_ && r < rows; ++r)
        for (std::size_t i = 0; i < n; ++i)
          tile[r][i] = from_((first + r) * columns_ + k * size + i, k * size + i);
      for (std::size_t r = 0; r < rows; ++r) put_block((first + r) * of_row + k, tile[r]);
    }
  }
  void put_block(std::size_t at, const double* block) const {
    constexpr auto size = static_cast<std::size_t>(numbers_of_block);
    double largest = 0;
    for (std::size_t i = 0; i < size; ++i) largest = std::max(largest, std::abs(block[i]));
    const bf16 scale(largest / 127);
    put(scale_, at, scale);
    const auto divisor = static_cast<double>(static_cast<float>(scale));
    if (divisor == 0) return;  // zeros are there
    std::int8_t whole[size];
    for (std::size_t i = 0; i < size; ++i)
      whole[i] = static_cast<std::int8_t>(std::clamp(to_nearest(block[i] / divisor), -127.0, 127.0));
    std::memcpy(weights_ + at * size, whole, size);
  }

  const folded_weights<Number>& from_;
  std::size_t columns_, rows_;
  bool blocks_, transposed_;  // w is (i, o), and rows of blocks are outputs
  std::byte *scale_, *weights_;
};

/// Writes the part of one operation into an image of zeros.
template <class Backend, ImageWeight Weight, class Number>
void store_weights(const operation& op, const folded_weights<Number>& from, std::byte* image,
                   const image_part& part) {
  const weight_store<Weight, Number> store(op, from, image, part);
  const auto tasks = static_cast<index_t>(store.tasks());
  const auto run = [&](index_t task) { store.run(static_cast<std::size_t>(task)); };
  if constexpr (std::is_same_v<Backend, backend::cpu>) {
    row_kernels<Backend, float>::each(tasks, op.weight_count() / tasks, run);
  } else {
    for (index_t task = 0; task < tasks; ++task) run(task);
  }
}

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
