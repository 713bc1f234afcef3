// Small convolutional network for 1x28x28 images (MNIST): twice [3x3 convolution with bias, ReLU, 2x2
// max-pool] with 16 and 32 channels, then a linear head on the 32x7x7 features. 20 thousand parameters. Key
// sites: 0 input, 1 after the first pool, 2 after the second pool.
#pragma once

#include <array>

#include "spankey/layer/conv2d.hpp"
#include "spankey/layer/linear_head.hpp"
#include "spankey/layer/pool2d.hpp"
#include "spankey/layer/relu.hpp"
#include "spankey/model/model.hpp"

namespace spankey {

template <head_outputs Outputs, class Gate, class Backend, class T>
class small_cnn : public keyed_model<small_cnn<Outputs, Gate, Backend, T>, Backend, T> {
  static constexpr int site_count = 3;
  static_assert(Gate::sites::template all_below<site_count>(),
                "SpanKey: small_cnn has the key sites 0 (input), 1 (after pool 1), 2 (after pool 2)");
  template <class Shape, int Site>
  using site = gated<Shape, Gate, Site, Backend, T>;

 public:
  using input = shape<1, 28, 28>;
  static constexpr head_outputs outputs = Outputs;
  static constexpr index_t gradient_size = 16 * 28 * 28;
  static constexpr std::array<extents, site_count> sites = {{{1, 28, 28}, {16, 14, 14}, {32, 7, 7}}};

  site<input, 0> gate0;
  conv2d<input, 16, window<3>, Backend, T, bias::learned> conv1;
  relu<shape<16, 28, 28>, Backend, T> relu1;
  max_pool2d<shape<16, 28, 28>, Backend, T> pool1;
  site<shape<16, 14, 14>, 1> gate1;
  conv2d<shape<16, 14, 14>, 32, window<3>, Backend, T, bias::learned> conv2;
  relu<shape<32, 14, 14>, Backend, T> relu2;
  max_pool2d<shape<32, 14, 14>, Backend, T> pool2;
  site<shape<32, 7, 7>, 2> gate2;
  linear_head<shape<32, 7, 7>, Outputs, Backend, T> fc;

  template <class F>
  void for_each_layer(F&& f, const scope& at) {
    f(scope{&at, "gate0"}, gate0);
    f(scope{&at, "conv1"}, conv1);
    f(scope{&at, "relu1"}, relu1);
    f(scope{&at, "pool1"}, pool1);
    f(scope{&at, "gate1"}, gate1);
    f(scope{&at, "conv2"}, conv2);
    f(scope{&at, "relu2"}, relu2);
    f(scope{&at, "pool2"}, pool2);
    f(scope{&at, "gate2"}, gate2);
    f(scope{&at, "fc"}, fc);
  }

  batch_view<const master_t<T>, shape<Outputs>> forward(pass p, batch_view<const T, input> x,
                                                        const model_keys<master_t<T>, site_count>& keys) {
    this->begin_pass(p, x.samples());
    const auto first = pool1.forward(p, relu1.forward(p, conv1.forward(p, gate0.forward(p, x, keys[0]))));
    const auto second =
        pool2.forward(p, relu2.forward(p, conv2.forward(p, gate1.forward(p, first, keys[1]))));
    return fc.forward(p, gate2.forward(p, second, keys[2]));
  }

  void backward(pass p, index_t samples) {
    this->flow_from_logits(p, samples, fc);
    this->flow_through_site(p, samples, gate2);
    this->flow_back(p, samples, pool2);
    this->flow_in_place(p, samples, relu2);
    this->flow_back(p, samples, conv2);
    this->flow_through_site(p, samples, gate1);
    this->flow_back(p, samples, pool1);
    this->flow_in_place(p, samples, relu1);
    this->flow_into_input(p, samples, conv1, gate0.wants_key_gradient());
    if (gate0.wants_key_gradient()) this->flow_through_site(p, samples, gate0);
  }
};

}  // namespace spankey
