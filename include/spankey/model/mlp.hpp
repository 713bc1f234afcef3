// Multilayer perceptron 20-64-32-Outputs with ReLU, for the synthetic experiment.
// Key sites: 0 input, 1 after linear 1 and before its ReLU, 2 after linear 2 and before its ReLU.
#pragma once

#include <array>

#include "spankey/layer/linear.hpp"
#include "spankey/layer/linear_head.hpp"
#include "spankey/layer/relu.hpp"
#include "spankey/model/model.hpp"

namespace spankey {

template <head_outputs Outputs, class Gate, class Backend, class T>
class mlp : public keyed_model<mlp<Outputs, Gate, Backend, T>, Backend, T> {
  static constexpr int site_count = 3;
  static_assert(Gate::sites::template all_below<site_count>(),
                "SpanKey: mlp has the key sites 0 (input), 1 (after linear 1), 2 (after linear 2)");
  template <class Shape, int Site>
  using site = gated<Shape, Gate, Site, Backend, T>;

 public:
  using input = shape<20>;
  static constexpr head_outputs outputs = Outputs;
  static constexpr index_t gradient_size = 64;
  static constexpr std::array<extents, site_count> sites = {{{20, 1, 1}, {64, 1, 1}, {32, 1, 1}}};

  site<input, 0> gate0;
  linear<shape<20>, 64, Backend, T> fc1;
  site<shape<64>, 1> gate1;
  relu<shape<64>, Backend, T> relu1;
  linear<shape<64>, 32, Backend, T> fc2;
  site<shape<32>, 2> gate2;
  relu<shape<32>, Backend, T> relu2;
  linear_head<shape<32>, Outputs, Backend, T> fc3;

  template <class F>
  void for_each_layer(F&& f, const scope& at) {
    f(scope{&at, "gate0"}, gate0);
    f(scope{&at, "fc1"}, fc1);
    f(scope{&at, "gate1"}, gate1);
    f(scope{&at, "relu1"}, relu1);
    f(scope{&at, "fc2"}, fc2);
    f(scope{&at, "gate2"}, gate2);
    f(scope{&at, "relu2"}, relu2);
    f(scope{&at, "fc3"}, fc3);
  }

  batch_view<const master_t<T>, shape<Outputs>> forward(pass p, batch_view<const T, input> x,
                                                        const model_keys<master_t<T>, site_count>& keys) {
    this->begin_pass(p, x.samples());
    const auto first =
        relu1.forward(p, gate1.forward(p, fc1.forward(p, gate0.forward(p, x, keys[0])), keys[1]));
    const auto second = relu2.forward(p, gate2.forward(p, fc2.forward(p, first), keys[2]));
    return fc3.forward(p, second);
  }

  void backward(pass p, index_t samples) {
    this->flow_from_logits(p, samples, fc3);
    this->flow_in_place(p, samples, relu2);
    this->flow_through_site(p, samples, gate2);
    this->flow_back(p, samples, fc2);
    this->flow_in_place(p, samples, relu1);
    this->flow_through_site(p, samples, gate1);
    this->flow_into_input(p, samples, fc1, gate0.wants_key_gradient());
    if (gate0.wants_key_gradient()) this->flow_through_site(p, samples, gate0);
  }
};

}  // namespace spankey
