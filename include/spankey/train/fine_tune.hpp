// Fine-tuning of a network of tokens on rows with targets (data/role_tasks.hpp), of whatever is not frozen, with AdamW and a cosine:
//
//   L = mean CE of the targets of path 0 + mean CE of those of path 1, over the rows of a batch
// Rows stand `together` at a time in a batch (a prompt's two rows, say); an epoch goes once through all of them in an order that
// follows from (seed, epoch). In the host's memory, one step after another.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include "spankey/core/token.hpp"
#include "spankey/data/role_tasks.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/optim/schedule.hpp"
#include "spankey/train/step.hpp"

namespace spankey {

struct fine_tune_options {
  std::uint64_t steps = 1500;
  index_t batch = 64;    // rows
  index_t together = 1;  // divides the batch
  double rate = 1e-3;
  double warm_up = 0.02;  // share of the steps
  std::uint64_t seed = 0;
};

/// The loss of one token: f(row, token, z, outputs, each, dz) returns each * L of the logits z and adds each dL/dz to dz. This one is
/// cross-entropy with the rows' own targets; another one is asked for the same tokens.
struct target_loss {
  const token_rows& rows;

  template <class T>
  double operator()(std::size_t row, std::size_t t, const T* z, index_t outputs, double each, T* dz) const {
    const int label = rows.labels[row * static_cast<std::size_t>(rows.length) + t];
    return each * host_cross_entropy_row(z, outputs, label, each, dz);
  }
};

/// Forward, loss and backward of some rows, gradients zeroed before; returns L. `x`: room for the batch.
template <class Model, class Loss>
double row_gradients(Model& any_model, const token_rows& rows, const std::vector<index_t>& chosen,
                     std::vector<typename Model::scalar>& x, const Loss& loss_of) {
  auto& model = network_of(any_model);
  const auto length = static_cast<std::size_t>(rows.length);
  const auto n = static_cast<index_t>(chosen.size());
  x.resize(chosen.size() * length * 2);
  std::array<index_t, 2> targets{};
  for (std::size_t r = 0; r < chosen.size(); ++r) {
    const auto row = static_cast<std::size_t>(chosen[r]);
    for (std::size_t t = 0; t < length; ++t) {
      write_token(rows.tokens[row * length + t], x.data() + 2 * (r * length + t));
      targets[static_cast<std::size_t>(rows.path[row])] += rows.labels[row * length + t] >= 0 ? 1 : 0;
    }
  }
  require_written(model, n, "row_gradients");
  zero_gradients(model);
  const pass p{.training = true};
  const auto* const z = model.forward(p, x.data(), n, {});
  auto* const dz = model.logit_gradient(n);
  const index_t vocabulary = model.head();
  std::fill_n(dz, n * rows.length * vocabulary, typename Model::master(0));
  double loss = 0;
  for (std::size_t r = 0; r < chosen.size(); ++r) {
    const auto row = static_cast<std::size_t>(chosen[r]);
    const double each = 1.0 / static_cast<double>(targets[static_cast<std::size_t>(rows.path[row])]);
    for (std::size_t t = 0; t < length; ++t) {
      const index_t at = static_cast<index_t>(r * length + t) * vocabulary;
      if (rows.labels[row * length + t] >= 0) loss += loss_of(row, t, z + at, vocabulary, each, dz + at);
    }
  }
  model.backward(p, n);
  return loss;
}
template <class Model>
double row_gradients(Model& model, const token_rows& rows, const std::vector<index_t>& chosen,
                     std::vector<typename Model::scalar>& x) {
  return row_gradients(model, rows, chosen, x, target_loss{rows});
}

/// Calls told(step, L) behind every step. Before: keep_second_moment(model), an arena for the batch. Fails with train.131
/// unless the model takes rows of this length, the batch is whole and there is one of them; errors of optim/adam.hpp.
template <class Model, class Told, class Loss>
void fine_tune(Model& model, const token_rows& rows, const fine_tune_options& how, Told&& told,
               const Loss& loss_of) {
  const index_t parts = how.together > 0 ? rows.size() / how.together : 0;
  const index_t taken = how.together > 0 ? how.batch / how.together : 0;
  if (network_of(model).input_extents() != token_sample(rows.length) || taken < 1 ||
      how.batch % how.together != 0 || parts < taken)
    fail("train.131", "fine_tune", "found ", rows.size(), " rows of ", rows.length, " tokens, ", how.together,
         " at a time, for batches of ", how.batch, " and a network of ",
         network_of(model).input_extents().height,
         " tokens; expected the same length, and a whole batch at least");
  adam optimizer(adamw);
  const schedule rate{.kind = schedule_kind::cosine, .learning_rate = how.rate, .warm_up = how.warm_up};
  std::vector<index_t> order(static_cast<std::size_t>(parts)), chosen;
  std::vector<typename Model::scalar> x;
  const index_t batches = parts / taken;
  for (std::uint64_t step = 0; step < how.steps; ++step) {
    const std::uint64_t epoch = step / static_cast<std::uint64_t>(batches);
    const auto batch = static_cast<index_t>(step % static_cast<std::uint64_t>(batches));
    if (batch == 0) {
      std::iota(order.begin(), order.end(), index_t{0});
      const random_source source(how.seed, stream::shuffle, epoch);
      for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[source.below(i, static_cast<std::uint32_t>(i))]);
    }
    chosen.clear();
    for (index_t k = 0; k < taken; ++k)
      for (index_t j = 0; j < how.together; ++j)
        chosen.push_back(order[static_cast<std::size_t>(batch * taken + k)] * how.together + j);
    const double loss = row_gradients(model, rows, chosen, x, loss_of);
    optimizer.step(model, rate.at(step, 1, how.steps));
    told(step, loss);
  }
}
template <class Model, class Told>
void fine_tune(Model& model, const token_rows& rows, const fine_tune_options& how, Told&& told) {
  fine_tune(model, rows, how, told, target_loss{rows});
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
