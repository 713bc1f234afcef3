// Batch norm over channels, with what usually follows it fused in: y = act(batch_norm(x) + residual).
// Each group of the batch has its own statistics, and running statistics are updated in group order; or all have those
// of the whole batch (batch_statistics).
// x, y, residual (N, H, W, C). Evaluation uses the running statistics. Where y lives shorter than a step (`output_life`),
// backward and whoever else reads y there needs recompute() first.
#pragma once

#include "spankey/core/error.hpp"
#include "spankey/layer/layer.hpp"

namespace spankey {

template <class Shape, activation Act, class Backend, class T>
class batch_norm2d {
 public:
  using input = Shape;
  using output = Shape;
  using kernels = batch_norm_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight{.dims = {.o = Shape::channels}}, bias_vector{.dims = {.o = Shape::channels}};
  state<master> running_mean{.count = Shape::channels}, running_variance{.count = Shape::channels};

  explicit batch_norm2d(lifetime output_life = lifetime::step) : output_life_(output_life) {}

  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    f(scope{&at, "weight"}, weight);
    f(scope{&at, "bias"}, bias_vector);
  }
  template <class F>
  void for_each_state(F&& f, const scope& at) {
    f(scope{&at, "running_mean"}, running_mean);
    f(scope{&at, "running_var"}, running_variance);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    for_each_parameter([&](const scope& name, parameter<master>& p) { p.for_each_buffer(visit, name); }, at);
    for_each_state([&](const scope& name, state<master>& s) { s.for_each_buffer(visit, name); }, at);
    const index_t statistics = static_cast<index_t>(max_groups) * Shape::channels;
    visit(scope{&at, "mean"}, mean_, statistics, lifetime::step);
    visit(scope{&at, "rstd"}, rstd_, statistics, lifetime::step);
    visit(scope{&at, "y"}, y_, samples * Shape::size, output_life_);
    visit(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem({}, samples)), lifetime::scratch);
  }

  /// `residual` may be without data.
  batch_view<const T, Shape> forward(const pass& p, batch_view<const T, Shape> x,
                                     batch_view<const T, Shape> residual = {}) {
    x_ = x;
    const batch_norm_forward_operands<T> operands = forward_operands(residual);
    const batch_norm_problem sizes = problem(p, x.samples());
    if (p.training) {
      if (sizes.rows * sizes.copies < 2) {
        fail("layer.101", "batch_norm2d", "training needs at least 2 values a channel in every group, found ",
             sizes.rows);
      }
      kernels::forward_training(sizes, Act, operands, scratch_.data);
    } else {
      kernels::forward_evaluation(sizes, Act, operands, scratch_.data);
    }
    return {y_.data, x.samples()};
  }

  /// Writes y of the last training pass, which had no residual, once more: the same bits.
  void recompute(const pass& p) {
    kernels::reapply(problem(p, x_.samples()), Act, forward_operands({}), scratch_.data);
  }

  /// dy becomes the gradient of the residual; dx = gradient of x (may be dy where there was no residual).
  void backward(const pass& p, batch_view<T, Shape> dy, batch_view<T, Shape> dx) {
    if (!p.training)
      fail("layer.102", "batch_norm2d", "backward needs the batch statistics of a training pass");
    const batch_norm_backward_operands<T> operands{.x = x_.data(),
                                                   .y = y_.data,
                                                   .gamma = weight.value.data,
                                                   .mean = mean_.data,
                                                   .rstd = rstd_.data,
                                                   .dy = dy.data(),
                                                   .dgamma = weight.gradient.data,
                                                   .dbeta = bias_vector.gradient.data,
                                                   .dx = dx.data()};
    kernels::backward(problem(p, dy.samples()), Act, operands, scratch_.data);
  }

 private:
  batch_norm_forward_operands<T> forward_operands(batch_view<const T, Shape> residual) const {
    return {.x = x_.data(),
            .gamma = weight.value.data,
            .beta = bias_vector.value.data,
            .residual = residual.data(),
            .running_mean = running_mean.value.data,
            .running_variance = running_variance.value.data,
            .mean = mean_.data,
            .rstd = rstd_.data,
            .y = y_.data};
  }
  static batch_norm_problem problem(const pass& p, index_t samples) {
    const bool joint = p.statistics == batch_statistics::joint;
    const index_t parts = joint ? 1 : p.parts(), stands_for = p.shared ? p.groups : 1;
    return {.groups = parts,
            .rows = samples / parts * Shape::height * Shape::width,
            .channels = Shape::channels,
            .repeats = joint ? 1 : stands_for,
            .copies = joint ? stands_for : 1};
  }

  lifetime output_life_;
  buffer<master> mean_, rstd_, scratch_;
  buffer<T> y_;
  batch_view<const T, Shape> x_;
};

}  // namespace spankey
