// Adam, and AdamW (decoupled weight decay), as torch.optim.Adam and torch.optim.AdamW without amsgrad. The formula is in
// backend/update.hpp; the first moment lies in a parameter's momentum.
//
// The second moment costs memory only where it is asked for, before the memory is planned:
//   keep_second_moment(model);   const arena memory(model, samples);
// Sources: Kingma and Ba, "Adam", 2015; Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
#pragma once

#include <cstdint>

#include "spankey/core/finite.hpp"
#include "spankey/optim/optimizer.hpp"

namespace spankey {

struct adam_options {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  bool decoupled = false;  // the decay is AdamW's
};

/// AdamW with the defaults of torch.optim.AdamW.
inline constexpr adam_options adamw{.weight_decay = 0.01, .decoupled = true};

/// Lists a second moment beside every parameter of `model`: before its arena, which places it.
template <class Model>
void keep_second_moment(Model& model) {
  using T = typename Model::master;
  model.for_each_parameter([](const scope&, parameter<T>& p) { p.keeps_second_moment = true; });
}

class adam {
 public:
  /// Errors: optim.102 a beta, .103 epsilon, .104 weight decay out of range.
  explicit adam(const adam_options& options = {}) : options_(options) {
    for (const double beta : {options.beta1, options.beta2}) {
      if (!(beta >= 0 && beta < 1)) fail("optim.102", "adam", "expected both betas in [0, 1), found ", beta);
    }
    if (!is_finite(options.epsilon) || options.epsilon < 0)
      fail("optim.103", "adam", "expected a finite epsilon of at least 0, found ", options.epsilon);
    if (!is_finite(options.weight_decay) || options.weight_decay < 0)
      fail("optim.104", "adam", "expected a finite weight decay of at least 0, found ", options.weight_decay);
  }

  /// Fails with optim.105 where a parameter has no second moment.
  template <class Model>
  void step(Model& model, double learning_rate) {
    using T = typename Model::master;
    const auto update = [&](const group_factors& group) {
      return adam_update{.learning_rate = learning_rate * group.rate,
                         .beta1 = options_.beta1,
                         .beta2 = options_.beta2,
                         .epsilon = options_.epsilon,
                         .weight_decay = options_.weight_decay * group.decay,
                         .decoupled = options_.decoupled,
                         .step = steps_ + 1,
                         .group_rate = group.rate};
    };
    using kernels = update_kernels<typename Model::backend_type, T>;
    model.for_each_parameter([&](const scope& name, parameter<T>& p) {
      if (p.second_moment.data == nullptr) {
        fail("optim.105", name.str(),
             "adam found no second moment: keep_second_moment(model) comes before the arena");
      }
      if constexpr (!TakesLists<kernels>)
        if (!p.frozen)
          kernels::adam(update(factors_of(p)), p.dims.size(), p.gradient.data, p.momentum.data,
                        p.second_moment.data, p.value.data);
    });
    if constexpr (TakesLists<kernels>)
      for_each_group_list(
          model, [&](const auto& list, const group_factors& group) { kernels::adam(update(group), list); });
    ++steps_;
  }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  /// Goes on after `steps` updates, whose state lies beside the parameters already.
  void resume(std::uint64_t steps) { steps_ = steps; }

 private:
  adam_options options_;
  std::uint64_t steps_ = 0;
};

}  // namespace spankey
