// Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"): the update of a convolution's filters,
// as a matrix G (K inputs of the window, O outputs), is made orthogonal; everything else is SGD's.
//   v = momentum v + dw;   G = dw + momentum v;   w *= sqrt(O) / |w|;   w -= lr * orthogonal(G)
// orthogonal: X = G / |G|, then a few times X = a X + X (b A + c A A), A = X^T X (of the smaller side), with
// (a, b, c) = (3.4445, -4.7750, 2.0315): every singular value comes to about 1 (between 0.7 and 1.2 after five times), none
// exactly. A learning rate is therefore a length: 0.24 turns weights of norm sqrt(O) by about a quarter of themselves.
//
// What is no convolution learns at rate lr * its group's rate, and decays by lr * weight_decay whatever that rate is, so that
// one decay serves groups that learn 5000 times as fast as others. Filters have no decay: their norm is kept. A convolution
// whose group has rate 0 stays as it is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <tuple>
#include <vector>

#include "spankey/backend/backend.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/optim/optimizer.hpp"

namespace spankey {

struct muon_options {
  double momentum = 0.6;  // of filters, Nesterov's
  int iterations = 3;
  double other_momentum = 0.85;  // of the rest, Nesterov's; 0: plain
  double weight_decay = 0;       // of the rest
};

/// Matrices that orthogonalise() works in.
template <class T>
struct muon_scratch {
  std::vector<T> update, product, gram, square, of_products;

  /// For a matrix of `rows` x `columns`, in the products of `Backend`.
  template <class Backend>
  void reserve(index_t rows, index_t columns) {
    const auto whole = static_cast<std::size_t>(rows * columns);
    const index_t inner = std::min(rows, columns);
    const auto squared = static_cast<std::size_t>(inner * inner);
    if (update.size() < whole) update.resize(whole), product.resize(whole);
    if (gram.size() < squared) gram.resize(squared), square.resize(squared);
    using products = linear_kernels<Backend, T>;
    const bool tall = rows >= columns;
    for (const linear_problem& p :
         {linear_problem{rows, tall ? columns : rows, columns}, linear_problem{inner, inner, inner}})
      of_products.resize(std::max(of_products.size(), static_cast<std::size_t>(products::scratch_size(p))));
  }
};

/// Replaces scratch.update, X (rows, columns), by a matrix of the same singular vectors whose singular values are about 1; a
/// matrix of zeros stays one. In the products of `Backend` (linear_kernels), which are T's.
template <class Backend, class T>
void orthogonalise(index_t rows, index_t columns, int iterations, muon_scratch<T>& scratch) {
  using products = linear_kernels<Backend, T>;
  using updates = update_kernels<Backend, T>;
  const bool tall = rows >= columns;
  const index_t inner = std::min(rows, columns), size = rows * columns, squared = inner * inner;
  T* const x = scratch.update.data();
  T* const y = scratch.product.data();
  T* const gram = scratch.gram.data();
  T* const square = scratch.square.data();
  T* const rest = scratch.of_products.data();
  // to = factor * to + from
  const auto add_to = [](index_t count, double factor, T* to, const T* from) {
    updates::sgd({.learning_rate = -1, .weight_decay = factor - 1}, count, from, nullptr, to);
  };
  const double norm = std::sqrt(updates::squared_norm(size, x));
  updates::zero(size, y);
  add_to(size, 1 / (norm + 1e-7), x, y);
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  for (int i = 0; i < iterations; ++i) {
    if (tall) {
      updates::zero(squared, gram);
      products::backward_weights({rows, columns, columns}, x, x, gram, nullptr, rest);
    } else {
      products::backward_data({rows, rows, columns}, x, x, gram, rest);
    }
    products::forward({inner, inner, inner}, gram, gram, nullptr, square, rest);
    // gram = b gram + c square
    add_to(squared, b / c, gram, square);
    updates::zero(squared, square);
    add_to(squared, c, gram, square);
    if (tall) {
      products::forward({rows, columns, columns}, x, gram, nullptr, y, rest);
    } else {
      products::forward({rows, rows, columns}, gram, x, nullptr, y, rest);
    }
    add_to(size, a, x, y);
  }
}

class muon {
 public:
  /// Errors: optim.110 momenta, optim.111 iterations, optim.104 weight decay.
  explicit muon(const muon_options& options = {}) : options_(options) {
    for (const double momentum : {options.momentum, options.other_momentum})
      if (!(momentum >= 0 && momentum < 1))
        fail("optim.110", "muon", "expected momenta from 0 to below 1, found ", momentum);
    if (options.iterations < 1 || options.iterations > 100)
      fail("optim.111", "muon", "expected 1 to 100 iterations, found ", options.iterations);
    if (!is_finite(options.weight_decay) || options.weight_decay < 0)
      fail("optim.104", "muon", "expected a finite weight decay of at least 0, found ", options.weight_decay);
  }

  /// Fails with optim.112 on a GPU, which repeats what it recorded and has no norm of one parameter there.
  template <class Model>
  void step(Model& model, double learning_rate) {
    using T = typename Model::master;
    using backend = typename Model::backend_type;
    if constexpr (!memory_of_model<Model>::on_host)
      fail("optim.112", "muon", "found a model on a GPU, expected one on the processor");
    model.for_each_parameter([&](const scope&, parameter<T>& p) {
      if (p.frozen || p.rate_factor == 0) return;
      if (p.dims.file_rank == 4) return filters<backend>(p, learning_rate * p.rate_factor);
      const sgd_update update{.learning_rate = learning_rate * p.rate_factor,
                              .momentum = options_.other_momentum,
                              .weight_decay = options_.weight_decay * p.decay_factor / p.rate_factor,
                              .nesterov = options_.other_momentum > 0,
                              .first_step = steps_ == 0};
      update_kernels<backend, T>::sgd(update, p.dims.size(), p.gradient.data, p.momentum.data, p.value.data);
    });
    ++steps_;
  }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  /// Goes on after `steps` updates, whose state lies beside the parameters already.
  void resume(std::uint64_t steps) { steps_ = steps; }

 private:
  template <class Backend, class T>
  void filters(parameter<T>& p, double learning_rate) {
    using updates = update_kernels<Backend, T>;
    const index_t size = p.dims.size(), columns = p.dims.o, rows = size / columns;
    muon_scratch<T>& scratch = std::get<muon_scratch<T>>(scratch_);
    scratch.template reserve<Backend>(rows, columns);
    T* const direction = scratch.update.data();
    // 0 - (-1) G: the momentum and its look ahead are SGD's.
    updates::zero(size, direction);
    updates::sgd({.learning_rate = -1,
                  .momentum = options_.momentum,
                  .nesterov = options_.momentum > 0,
                  .first_step = steps_ == 0},
                 size, p.gradient.data, p.momentum.data, direction);
    orthogonalise<Backend>(rows, columns, options_.iterations, scratch);
    // w = (sqrt(O) / |w|) w - lr direction, in one pass: w - lr (direction + decay w)
    const double norm = std::sqrt(updates::squared_norm(size, p.value.data));
    const double shrink = norm > 0 ? std::sqrt(static_cast<double>(columns)) / norm : 1;
    const double decay = learning_rate > 0 ? (1 - shrink) / learning_rate : 0;
    updates::sgd({.learning_rate = learning_rate, .weight_decay = decay}, size, direction, nullptr,
                 p.value.data);
  }

  muon_options options_;
  std::uint64_t steps_ = 0;
  std::tuple<muon_scratch<float>, muon_scratch<double>> scratch_;
};

}  // namespace spankey
