// Stochastic gradient descent with momentum, Nesterov momentum and weight decay on every parameter, as
// torch.optim.SGD with dampening 0. The formula is in backend/update.hpp.
#pragma once

#include <cstdint>

#include "spankey/core/finite.hpp"
#include "spankey/optim/optimizer.hpp"

namespace spankey {

struct sgd_options {
  double momentum = 0.9, weight_decay = 5e-4;
  bool nesterov = true;
};

class sgd {
 public:
  /// Errors: optim.101 nesterov without momentum, optim.108 momentum, optim.104 weight decay.
  explicit sgd(const sgd_options& options = {}) : options_(options) {
    if (options.nesterov && options.momentum <= 0)
      fail("optim.101", "sgd", "nesterov needs momentum > 0, found ", options.momentum);
    if (!(options.momentum >= 0 && options.momentum <= 1))
      fail("optim.108", "sgd", "expected a momentum from 0 to 1, found ", options.momentum);
    if (!is_finite(options.weight_decay) || options.weight_decay < 0)
      fail("optim.104", "sgd", "expected a finite weight decay of at least 0, found ", options.weight_decay);
  }

  template <class Model>
  void step(Model& model, double learning_rate) {
    using T = typename Model::master;
    const auto update = [&](const group_factors& group) {
      return sgd_update{.learning_rate = learning_rate * group.rate,
                        .momentum = options_.momentum,
                        .weight_decay = options_.weight_decay * group.decay,
                        .nesterov = options_.nesterov,
                        .first_step = steps_ == 0,
                        .group_rate = group.rate};
    };
    using kernels = update_kernels<typename Model::backend_type, T>;
    if constexpr (TakesLists<kernels>) {
      for_each_group_list(
          model, [&](const auto& list, const group_factors& group) { kernels::sgd(update(group), list); });
    } else {
      model.for_each_parameter([&](const scope&, parameter<T>& p) {
        if (!p.frozen)
          kernels::sgd(update(factors_of(p)), p.dims.size(), p.gradient.data, p.momentum.data, p.value.data);
      });
    }
    ++steps_;
  }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  /// Goes on after `steps` updates, whose state lies beside the parameters already.
  void resume(std::uint64_t steps) { steps_ = steps; }

 private:
  sgd_options options_;
  std::uint64_t steps_ = 0;
};

}  // namespace spankey
