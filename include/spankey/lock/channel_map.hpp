// An invertible map of C channels that a lock puts before a layer, and what it does to the layer's weights.
//
//   activation  x -> T x,  T = R L^T      R a rotation of the key; L lower triangular, the identity unless the lock whitens
//   weights     W (C, O) -> W' = R L^-1 W, so that W'^T (T x) = W^T x          and back: W = L R^T W'
// Whitened, L L^T = M + e I with M = W W^T summed over the taps of a convolution: then W' W'^T is nearly the identity on what
// the layer reads, and no longer tells which directions of its input matter. e is a hundredth of M's mean diagonal: W may
// leave directions of its input out.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "spankey/core/error.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/lock/rotation.hpp"

namespace spankey {

class channel_map {
 public:
  explicit channel_map(rotation of_key) : rotation_(std::move(of_key)) {}

  [[nodiscard]] index_t channels() const { return rotation_.channels(); }
  /// R.
  [[nodiscard]] const rotation& turn() const { return rotation_; }
  [[nodiscard]] bool whitens() const { return !root_.empty(); }

  /// L from M (C, C), row by row. Rounded to float, which is how files have it: both ends of a lock compute with the same.
  void whiten(std::span<const double> moment) {
    const index_t c = channels();
    double least = 0;
    for (index_t i = 0; i < c; ++i) least += moment[static_cast<std::size_t>(i * c + i)];
    least = least > 0 ? least / static_cast<double>(100 * c) : 1;
    root_.assign(static_cast<std::size_t>(c * (c + 1) / 2), 0);
    for (index_t i = 0; i < c; ++i)
      for (index_t j = 0; j <= i; ++j) {
        double left = moment[static_cast<std::size_t>(i * c + j)] + (i == j ? least : 0);
        for (index_t k = 0; k < j; ++k) left -= at(i, k) * at(j, k);
        root_[place(i, j)] = i == j ? std::sqrt(std::max(left, least)) : left / at(j, j);
      }
    for (double& number : root_) number = static_cast<float>(number);
  }
  /// L as root() gave it: of a lock that was made before. Fails with lock.101 for another number of numbers, or a diagonal
  /// that is not above 0.
  void use_root(std::span<const float> root) {
    const index_t c = channels();
    bool fits = static_cast<index_t>(root.size()) == c * (c + 1) / 2;
    for (index_t i = 0; fits && i < c; ++i) fits = root[place(i, i)] > 0;
    if (!fits)
      fail("lock.101", "use_root", "found ", root.size(), " numbers, expected those of a triangle of ", c,
           " rows, above 0 on its diagonal");
    root_.assign(root.begin(), root.end());
  }
  /// L's rows up to the diagonal, one behind another; nothing where the lock does not whiten.
  [[nodiscard]] secret_vector<float> root() const {
    secret_vector<float> found(root_.size());
    std::transform(root_.begin(), root_.end(), found.begin(), [](double x) { return static_cast<float>(x); });
    return found;
  }

  /// Weights of one tap, (C, columns), become those of the locked layer.
  void lock(double* weights, index_t columns) const {
    for (index_t i = 0; whitens() && i < channels(); ++i) {
      for (index_t j = 0; j < i; ++j) add(-at(i, j), weights + j * columns, columns, weights + i * columns);
      scale(1 / at(i, i), columns, weights + i * columns);
    }
    rotation_.apply(weights, columns);
  }
  /// The inverse of lock().
  void unlock(double* weights, index_t columns) const {
    rotation_.apply_inverse(weights, columns);
    for (index_t i = channels(); whitens() && i-- > 0;) {
      scale(at(i, i), columns, weights + i * columns);
      for (index_t j = 0; j < i; ++j) add(at(i, j), weights + j * columns, columns, weights + i * columns);
    }
  }
  /// T (C, C), row by row: what an activation is multiplied with before a locked layer.
  [[nodiscard]] secret_vector<float> activation_matrix() const {
    const index_t c = channels();
    secret_vector<double> t(static_cast<std::size_t>(c * c));
    for (index_t i = 0; i < c; ++i)  // L^T
      for (index_t j = i; j < c; ++j)
        t[static_cast<std::size_t>(i * c + j)] = whitens() ? at(j, i) : i == j ? 1 : 0;
    rotation_.apply(t.data(), c);
    secret_vector<float> found(t.size());
    std::transform(t.begin(), t.end(), found.begin(), [](double x) { return static_cast<float>(x); });
    return found;
  }

 private:
  static std::size_t place(index_t row, index_t column) {
    return static_cast<std::size_t>(row * (row + 1) / 2 + column);
  }
  [[nodiscard]] double at(index_t row, index_t column) const { return root_[place(row, column)]; }
  static void add(double factor, const double* from, index_t columns, double* to) {
    for (index_t j = 0; j < columns; ++j) to[j] += factor * from[j];
  }
  static void scale(double factor, index_t columns, double* row) {
    for (index_t j = 0; j < columns; ++j) row[j] *= factor;
  }

  rotation rotation_;
  secret_vector<double> root_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
