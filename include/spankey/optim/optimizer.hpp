// What an optimizer is: it updates every parameter from its gradient, at a learning rate decided per step.
// State lies beside the parameter; the number of steps done is the optimizer's only own state.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <string>
#include <utility>

#include "spankey/backend/backend.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

template <class O, class Model>
concept Optimizer = requires(O& optimizer, Model& model) {
  optimizer.step(model, 0.1);
  { optimizer.steps() } -> std::convertible_to<std::uint64_t>;
};

/// A backend whose launches cost more than its work updates many parameters at once: its update_kernels then have a list
/// type, and functions that take one. launch(list) is called with the parameters of `model`, in their order, as many as a
/// list holds at a time.
template <class Kernels>
concept TakesLists = requires {
  typename Kernels::list;
};

/// What a parameter's group says to an update; a frozen one is in none.
struct group_factors {
  double rate = 1, decay = 1;
  friend bool operator==(const group_factors&, const group_factors&) = default;
};
template <class T>
group_factors factors_of(const parameter<T>& p) {
  return {p.rate_factor, p.decay_factor};
}

/// Also launch(list, factors), where parameters of one list have the same and none is frozen.
template <class Model, class Launch>
void for_each_group_list(Model& model, Launch&& launch) {
  using T = typename Model::master;
  typename update_kernels<typename Model::backend_type, T>::list list;
  group_factors factors;
  const auto finish = [&] {
    if (list.size > 0) launch(list, factors);
    list.size = 0;
  };
  model.for_each_parameter([&](const scope&, parameter<T>& p) {
    if (p.frozen) return;
    if (list.size == list.capacity || factors != factors_of(p)) finish();
    factors = factors_of(p);
    list.items[static_cast<std::size_t>(list.size++)] = {p.dims.size(), p.gradient.data, p.momentum.data,
                                                         p.second_moment.data, p.value.data};
  });
  finish();
}

template <class Model, class Launch>
void for_each_list(Model& model, Launch&& launch) {
  using T = typename Model::master;
  using kernels = update_kernels<typename Model::backend_type, T>;
  typename kernels::list list;
  model.for_each_parameter([&](const scope&, parameter<T>& p) {
    list.items[static_cast<std::size_t>(list.size++)] = {p.dims.size(), p.gradient.data, p.momentum.data,
                                                         p.second_moment.data, p.value.data};
    if (list.size < list.capacity) return;
    launch(list);
    list.size = 0;
  });
  if (list.size > 0) launch(list);
}

/// Sets every gradient to 0: the start of a step.
template <class Model>
void zero_gradients(Model& model) {
  using T = typename Model::master;
  using kernels = update_kernels<typename Model::backend_type, T>;
  if constexpr (TakesLists<kernels>) {
    for_each_list(model, [](const auto& list) { kernels::zero(list); });
  } else {
    model.for_each_parameter(
        [](const scope&, parameter<T>& p) { kernels::zero(p.dims.size(), p.gradient.data); });
  }
}

/// Leaves the sum of squares of all gradients on the device, where `kernels` take lists. Waits for nothing.
template <class Model>
void leave_squared_norm(Model& model) {
  bool first = true;
  for_each_list(model, [&](const auto& list) {
    update_kernels<typename Model::backend_type, typename Model::master>::add_squared_norm(
        list, std::exchange(first, false));
  });
}

/// Euclidean norm of all parameter gradients together.
template <class Model>
double gradient_norm(Model& model) {
  using T = typename Model::master;
  using kernels = update_kernels<typename Model::backend_type, T>;
  double squared = 0;
  if constexpr (TakesLists<kernels>) {
    leave_squared_norm(model);
    squared = kernels::fetched_squared_norm();
  } else {
    model.for_each_parameter([&](const scope&, parameter<T>& p) {
      squared += kernels::squared_norm(p.dims.size(), p.gradient.data);
    });
  }
  return std::sqrt(squared);
}

/// Scales all gradients, whose norm is `found`, where that is more than `most`: by most / (found + 1e-6), as
/// torch.nn.utils.clip_grad_norm_. Of a model on the host.
template <class Model>
void clip_gradients(Model& model, double found, double most) {
  using T = typename Model::master;
  const T factor = static_cast<T>(most / (found + 1e-6));
  if (factor >= 1) return;
  model.for_each_parameter([&](const scope&, parameter<T>& p) {
    for (index_t i = 0; i < p.dims.size(); ++i) p.gradient.data[i] *= factor;
  });
}

}  // namespace spankey
