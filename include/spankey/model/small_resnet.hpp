// Small residual network for 1x28x28 images (Fashion-MNIST): 3x3 stem of 32 channels, three stages of two
// basic blocks with 32, 64, 128 channels, mean over the image, linear head. Key sites: 0 input, 1 after the
// stem, 2 after stage 2, 3 after stage 3.
#pragma once

#include <array>

#include "spankey/layer/linear_head.hpp"
#include "spankey/layer/pool2d.hpp"
#include "spankey/layer/residual.hpp"
#include "spankey/model/model.hpp"

namespace spankey {

template <head_outputs Outputs, class Gate, class Backend, class T>
class small_resnet : public keyed_model<small_resnet<Outputs, Gate, Backend, T>, Backend, T> {
  static constexpr int site_count = 4;
  static_assert(
      Gate::sites::template all_below<site_count>(),
      "SpanKey: small_resnet has the key sites 0 (input), 1 (after the stem), 2, 3 (after stage 2, 3)");
  template <class Shape, int Site>
  using site = gated<Shape, Gate, Site, Backend, T>;

 public:
  using input = shape<1, 28, 28>;
  static constexpr head_outputs outputs = Outputs;
  static constexpr index_t gradient_size = 128 * 7 * 7;  // of stage 3; wider stages bring their own slots
  static constexpr std::array<extents, site_count> sites = {
      {{1, 28, 28}, {32, 28, 28}, {64, 14, 14}, {128, 7, 7}}};

  site<input, 0> gate0;
  conv2d<input, 32, window<3>, Backend, T> conv1;
  batch_norm2d<shape<32, 28, 28>, activation::relu, Backend, T> bn1;
  site<shape<32, 28, 28>, 1> gate1;
  residual_stage<shape<32, 28, 28>, 32, 1, Backend, T> layer1;
  residual_stage<shape<32, 28, 28>, 64, 2, Backend, T> layer2;
  site<shape<64, 14, 14>, 2> gate2;
  residual_stage<shape<64, 14, 14>, 128, 2, Backend, T> layer3;
  site<shape<128, 7, 7>, 3> gate3;
  mean_pool2d<shape<128, 7, 7>, Backend, T> pool;
  linear_head<shape<128>, Outputs, Backend, T> fc;

  template <class F>
  void for_each_layer(F&& f, const scope& at) {
    f(scope{&at, "gate0"}, gate0);
    f(scope{&at, "conv1"}, conv1);
    f(scope{&at, "bn1"}, bn1);
    f(scope{&at, "gate1"}, gate1);
    layer1.for_each_layer(f, scope{&at, "layer1"});
    layer2.for_each_layer(f, scope{&at, "layer2"});
    f(scope{&at, "gate2"}, gate2);
    layer3.for_each_layer(f, scope{&at, "layer3"});
    f(scope{&at, "gate3"}, gate3);
    f(scope{&at, "pool"}, pool);
    f(scope{&at, "fc"}, fc);
  }

  batch_view<const master_t<T>, shape<Outputs>> forward(pass p, batch_view<const T, input> x,
                                                        const model_keys<master_t<T>, site_count>& keys) {
    this->begin_pass(p, x.samples());
    const auto stem = bn1.forward(p, conv1.forward(p, gate0.forward(p, x, keys[0])));
    const auto stage1 = layer1.forward(p, gate1.forward(p, stem, keys[1]));
    const auto stage2 = gate2.forward(p, layer2.forward(p, stage1), keys[2]);
    const auto stage3 = gate3.forward(p, layer3.forward(p, stage2), keys[3]);
    return fc.forward(p, pool.forward(p, stage3));
  }

  void backward(pass p, index_t samples) {
    this->flow_from_logits(p, samples, fc);
    this->flow_back(p, samples, pool);
    this->flow_through_site(p, samples, gate3);
    layer3.backward(p, samples, this->flow_);
    this->flow_through_site(p, samples, gate2);
    layer2.backward(p, samples, this->flow_);
    layer1.backward(p, samples, this->flow_);
    this->flow_through_site(p, samples, gate1);
    this->flow_through(p, samples, bn1);
    this->flow_into_input(p, samples, conv1, gate0.wants_key_gradient());
    if (gate0.wants_key_gradient()) this->flow_through_site(p, samples, gate0);
  }
};

}  // namespace spankey
