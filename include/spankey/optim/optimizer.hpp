// What an optimizer is: it updates every parameter from its gradient, at a learning rate decided per step.
// State lies beside the parameter; the number of steps done is the optimizer's only own state.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <string>

#include "spankey/backend/backend.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

template <class O, class Model>
concept Optimizer = requires(O& optimizer, Model& model) {
  optimizer.step(model, 0.1);
  { optimizer.steps() } -> std::convertible_to<std::uint64_t>;
};

/// Sets every gradient to 0: the start of a step.
template <class Model>
void zero_gradients(Model& model) {
  using T = typename Model::master;
  model.for_each_parameter([](const scope&, parameter<T>& p) {
    update_kernels<typename Model::backend_type, T>::zero(p.dims.size(), p.gradient.data);
  });
}

/// Euclidean norm of all parameter gradients together.
template <class Model>
double gradient_norm(Model& model) {
  using T = typename Model::master;
  double squared = 0;
  model.for_each_parameter([&](const scope&, parameter<T>& p) {
    squared += update_kernels<typename Model::backend_type, T>::squared_norm(p.dims.size(), p.gradient.data);
  });
  return std::sqrt(squared);
}

}  // namespace spankey
