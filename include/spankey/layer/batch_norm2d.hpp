// Batch norm over channels, with what usually follows it fused in: y = act(batch_norm(x) + addend), act being the
// identity or ReLU. Each group of the batch has its own statistics, and running statistics are updated in group order;
// or all have those of the whole batch (batch_statistics). Evaluation uses the running statistics, and so does training that
// leaves them as they are; then the layer is an affine map, forward and backward.
// x, y, addend (N, H, W, C). Where y does not live until backward (`output_life`), recompute() comes before whatever
// reads it there.
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class batch_norm2d_layer : public layer<Backend, T> {
 public:
  using kernels = batch_norm_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight, bias_vector;
  state<master> running_mean, running_variance;

  batch_norm2d_layer(const extents& shape, activation after, const batch_norm_options& o,
                     lifetime output_life = lifetime::output)
      : layer<Backend, T>(shape, shape),
        weight{.dims = {.o = shape.channels}, .fill = initialiser::ones},
        bias_vector{.dims = {.o = shape.channels}},
        running_mean{.count = shape.channels},
        running_variance{.count = shape.channels, .fill = initialiser::ones},
        after_(after),
        options_(o),
        output_life_(output_life) {}

  /// x: the statistics are those of a pass over it; y: the mask of a ReLU.
  [[nodiscard]] layer_traits traits() const override {
    return {.reads_x = true, .reads_y = after_ != activation::identity, .in_place = true};
  }
  [[nodiscard]] const batch_norm_options& options() const { return options_; }

  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    if (options_.scale) v.on_parameter(scope{&at, "weight"}, weight);
    if (options_.shift) v.on_parameter(scope{&at, "bias"}, bias_vector);
    v.on_state(scope{&at, "running_mean"}, running_mean);
    v.on_state(scope{&at, "running_var"}, running_variance);
    const index_t statistics = static_cast<index_t>(max_groups) * channels();
    v.on_numbers(scope{&at, "mean"}, mean_, statistics, lifetime::step);
    v.on_numbers(scope{&at, "rstd"}, rstd_, statistics, lifetime::step);
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), output_life_);
    v.on_numbers(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem({}, samples)),
                 lifetime::scratch);
  }

  const T* forward(const pass& p, index_t n, const T* x, const T* addend) override {
    x_ = x, samples_ = n;
    const batch_norm_forward_operands<T> operands = forward_operands(addend);
    const batch_norm_problem sizes = problem(p, n);
    if (!sizes.fixed) {
      const index_t counted =
          sizes.rows * sizes.copies * (sizes.across != nullptr ? sizes.across->parts() : 1);
      if (counted < 2)
        fail("layer.101", "batch_norm2d", "training needs at least 2 values a channel in every group, found ",
             counted);
      kernels::forward_training(sizes, after_, operands, scratch_.data);
    } else {
      kernels::forward_evaluation(sizes, after_, operands, scratch_.data);
    }
    return y_.data;
  }

  /// Of a pass that added nothing.
  void recompute(const pass& p) override {
    kernels::reapply(problem(p, samples_), after_, forward_operands(nullptr), scratch_.data);
  }

  /// dy becomes the gradient of the addend; dx = gradient of x (may be dy where nothing was added).
  void backward(const pass& p, index_t n, const layer_gradients<T>& g) override {
    require_forward(samples_, n);
    const batch_norm_backward_operands<T> operands{
        .x = x_,
        .y = y_.data,
        .gamma = weight.value.data,
        .mean = mean_.data,
        .rstd = rstd_.data,
        .dy = g.dy,
        .dgamma = weight.frozen ? nullptr : weight.gradient.data,
        .dbeta = bias_vector.frozen ? nullptr : bias_vector.gradient.data,
        .dx = g.dx};
    kernels::backward(problem(p, n), after_, operands, scratch_.data);
  }

 private:
  [[nodiscard]] index_t channels() const { return this->out().channels; }
  batch_norm_forward_operands<T> forward_operands(const T* addend) const {
    return {.x = x_,
            .gamma = weight.value.data,  // null, as beta is, where nothing is trained
            .beta = bias_vector.value.data,
            .residual = addend,
            .running_mean = running_mean.value.data,
            .running_variance = running_variance.value.data,
            .mean = mean_.data,
            .rstd = rstd_.data,
            .y = y_.data};
  }
  [[nodiscard]] batch_norm_problem problem(const pass& p, index_t samples) const {
    const bool fixed = !p.training || p.statistics == batch_statistics::running;
    const bool joint = fixed || p.statistics == batch_statistics::joint;
    const index_t parts = joint ? 1 : p.parts(), stands_for = p.shared ? p.groups : 1;
    return {.groups = parts,
            .rows = samples / parts * this->out().height * this->out().width,
            .channels = channels(),
            .momentum = options_.momentum,
            .epsilon = options_.epsilon,
            .repeats = joint ? 1 : stands_for,
            .copies = joint ? stands_for : 1,
            .fixed = fixed,
            .across = fixed ? nullptr : p.across};
  }

  activation after_;
  batch_norm_options options_;
  lifetime output_life_;
  buffer<master> mean_, rstd_, scratch_;
  buffer<T> y_;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

/// The same with a static shape.
template <class Shape, activation Act, class Backend, class T>
class batch_norm2d : public shaped<batch_norm2d_layer<Backend, T>, Shape, Shape> {
 public:
  explicit batch_norm2d(lifetime output_life = lifetime::output)
      : batch_norm2d::shaped(extents_of<Shape>, Act, batch_norm_options{}, output_life) {}
};

}  // namespace spankey
