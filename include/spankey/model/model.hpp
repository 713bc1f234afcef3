// What a model is, and what every model derives from its list of layers.
//
// A model is a struct whose members are its layers in data order, with
//   outputs                      its head (core/head_outputs.hpp): a number of logits, or with a reject logit beside
//   for_each_layer(f, scope)     f(scope, layer), in PyTorch's order and names
//   forward(pass, x, keys)       -> logits (N, Outputs); in a shared pass x holds N/G samples, for every group
//                                begins with begin_pass(pass, x.samples()), which looks at memory and weights
//   backward(pass, samples)      from the gradient of N logits that the caller wrote into logit_gradient(samples)
// A shared pass needs a site that reads keys (reads_keys): there the groups part.
// keyed_model turns the list of layers into the visitors that the arena, optimizer and files use.
#pragma once

#include <algorithm>
#include <span>

#include "spankey/core/head_outputs.hpp"
#include "spankey/inject/gated.hpp"
#include "spankey/layer/gradient_flow.hpp"

namespace spankey {

/// Base of the models (static polymorphism): visitors over parameters, states and buffers.
template <class Derived, class Backend, class T>
class keyed_model {
 public:
  using scalar = T;            // of activations
  using master = master_t<T>;  // of parameters, keys and logits
  using backend_type = Backend;

  // Layers know each other's memory by address: a model stays where it is.
  keyed_model() = default;
  keyed_model(const keyed_model&) = delete;
  keyed_model& operator=(const keyed_model&) = delete;

  /// For how many samples the memory was planned, and whether the weights were written.
  [[nodiscard]] planned_memory& planned() { return planned_; }

  template <class F>
  void for_each_parameter(F&& f, const scope& at = {}) {
    self().for_each_layer(
        [&](const scope& name, auto& layer) {
          if constexpr (requires { layer.for_each_parameter(f, name); }) layer.for_each_parameter(f, name);
        },
        at);
  }
  template <class F>
  void for_each_state(F&& f, const scope& at = {}) {
    self().for_each_layer(
        [&](const scope& name, auto& layer) {
          if constexpr (requires { layer.for_each_state(f, name); }) layer.for_each_state(f, name);
        },
        at);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    flow_.for_each_buffer(visit, at, samples);
    self().for_each_layer(
        [&](const scope& name, auto& layer) { layer.for_each_buffer(visit, name, samples); }, at);
    visit(scope{&at, "logit_gradient"}, logit_gradient_, samples * Derived::outputs, lifetime::kept);
  }
  /// Calls f(site number, gated layer) for every site.
  template <class F>
  void for_each_site(F&& f) {
    int site = 0;
    self().for_each_layer(
        [&](const scope&, auto& layer) {
          if constexpr (requires { layer.injector; }) f(site++, layer);
        },
        scope{});
  }
  /// True where some site has a key for one of the first `groups` groups.
  template <std::size_t Sites>
  bool reads_keys(const model_keys<master, Sites>& keys, index_t groups) {
    bool found = false;
    for_each_site([&](int site, auto& gate) {
      found = found || gate.reads(keys[static_cast<std::size_t>(site)], groups);
    });
    return found;
  }
  /// Where the loss writes dLoss/dlogits (N, Outputs) before backward.
  auto logit_gradient(index_t samples) {
    planned_.require(samples, "logit_gradient");
    return batch_view<master, shape<Derived::outputs>>(logit_gradient_.data, samples);
  }

 protected:
  /// The first line of forward: fails where there is no memory for what x stands for, or nobody wrote the weights.
  void begin_pass(const pass& p, index_t samples) const {
    planned_.require_written(p.shared ? samples * p.groups : samples, "forward");
  }
  /// Backward of the last layer: from the logits' gradient.
  template <class L>
  void flow_from_logits(const pass& p, index_t samples, L& layer) {
    flow_.restart();
    layer.backward(p, logit_gradient(samples), flow_.template current<typename L::input>(samples));
  }
  /// Backward of a layer that writes its input gradient elsewhere.
  template <class L>
  void flow_back(const pass& p, index_t samples, L& layer) {
    layer.backward(p, flow_.template current<typename L::output>(samples),
                   flow_.template spare<typename L::input>(samples));
    flow_.advance();
  }
  /// Backward of a layer that replaces dy by dx.
  template <class L>
  void flow_in_place(const pass& p, index_t samples, L& layer) {
    layer.backward(p, flow_.template current<typename L::output>(samples));
  }
  /// Backward of a key site; from one that split the groups on, only the samples of one are left.
  template <class L>
  void flow_through_site(pass& p, index_t& samples, L& site) {
    const bool stacked = !p.shared;
    site.backward(p, flow_.template current<typename L::output>(samples));
    if (stacked && p.shared) samples /= p.groups;
  }
  /// Backward of a layer that can write its input gradient over dy.
  template <class L>
  void flow_through(const pass& p, index_t samples, L& layer) {
    const auto dy = flow_.template current<typename L::output>(samples);
    layer.backward(p, dy, dy);
  }
  /// The first layer with weights: the gradient of its input is wanted only by the key of site 0.
  template <class L>
  void flow_into_input(const pass& p, index_t samples, L& layer, bool wanted) {
    const auto dx = wanted ? flow_.template spare<typename L::input>(samples)
                           : batch_view<T, typename L::input>(nullptr, samples);
    layer.backward(p, flow_.template current<typename L::output>(samples), dx);
    flow_.advance();
  }

  gradient_flow<T> flow_{Derived::gradient_size};

 private:
  planned_memory planned_;
  buffer<master> logit_gradient_;

  Derived& self() { return static_cast<Derived&>(*this); }
};

/// Gives every site its injector.
template <class Model, class Policy>
void set_injector(Model& model, const Policy& injector) {
  model.for_each_site([&](int, auto& layer) { layer.injector = injector; });
}

/// Also switches sites on and off at run time, for programs that choose late. Before the memory is planned: fails with
/// memory.110 after it, and with inject.105 for a site that the model, or its gate, does not have.
template <class Model, class Policy>
void set_gate(Model& model, const Policy& injector, std::span<const int> sites) {
  if constexpr (KnowsItsMemory<Model>) {
    if (model.planned().samples() != 0)
      fail("memory.110", "set_gate",
           "the model's memory is planned already, with the sites that were on then; "
           "expected set_gate before the arena");
  }
  for (const int site : sites) {
    bool found = false;
    model.for_each_site([&](int number, auto& layer) { found = found || (number == site && layer.present); });
    if (!found)
      fail("inject.105", "set_gate", "found site ", site, ", which this model's gate does not have");
  }
  set_injector(model, injector);
  model.for_each_site([&](int site, auto& layer) {
    layer.enabled = std::find(sites.begin(), sites.end(), site) != sites.end();
  });
}

}  // namespace spankey
