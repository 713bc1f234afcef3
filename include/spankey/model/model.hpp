// A model: a list of layers (model/layer_list.hpp) with everything that is known before the program runs: outputs,
// gate, backend, scalar, the shapes of input and sites. So mistakes are sentences of the compiler.
//
//   template <head_outputs Outputs, class Gate, class Backend, class T>
//   class small_cnn : public model_of<small_cnn_layers, Outputs, Gate, Backend, T> {};
// Layers and passes are those of layered_network<Backend, T> (model/layered_network.hpp), which is compiled once for
// all models.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "spankey/core/view.hpp"
#include "spankey/inject/injector.hpp"
#include "spankey/model/compiled_networks.hpp"
#include "spankey/model/described.hpp"

namespace spankey {

template <auto Layers, head_outputs Outputs, class Gate, class Backend, class T>
class model_of : public described<Layers, Outputs, Gate>, public layered_network<Backend, T> {
  using described_type = described<Layers, Outputs, Gate>;

 public:
  using network_type = layered_network<Backend, T>;
  using scalar = T;
  using master = master_t<T>;
  using backend_type = Backend;
  using typename described_type::input;
  using output = shape<Outputs>;
  using gate_type = Gate;
  using gate_site = injecting_site<typename Gate::injector, Backend, T>;

  model_of() : network_type(described_type::list, &make_site) {}

  using network_type::forward;
  /// The same from views of static shapes.
  batch_view<const master, output> forward(const pass& p, batch_view<const T, input> x,
                                           std::span<const site_keys<master>> keys) {
    const index_t answers = p.shared ? x.samples() * p.groups : x.samples();
    return {network_type::forward(p, x.data(), x.samples(), keys), answers};
  }
  batch_view<master, output> logit_gradient(index_t samples) {
    return {network_type::logit_gradient(samples), samples};
  }
  /// Calls f(site number, site) for every site of the gate; a site has `injector` and `enabled`.
  template <class F>
  void for_each_site(F&& f) {
    network_type::for_each_site([&](int number, auto& site) { f(number, static_cast<gate_site&>(site)); });
  }
  /// Site `number`, which must be one of the gate's.
  [[nodiscard]] gate_site& site(int number) {
    gate_site* found = nullptr;
    for_each_site([&](int at, gate_site& site) { found = at == number ? &site : found; });
    if (found == nullptr)
      fail("inject.105", "site", "found site ", number, ", which this model's gate does not have");
    return *found;
  }

 private:
  static std::unique_ptr<typename network_type::site_type> make_site(int number, const extents& shape,
                                                                     key_shape key) {
    if (!described_type::has_site(number)) return nullptr;
    return std::make_unique<gate_site>(number, shape, key);
  }
};

/// Gives every site its injector.
template <class Model, class Policy>
void set_injector(Model& model, const Policy& injector) {
  model.for_each_site([&](int, auto& site) { site.injector = injector; });
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
    model.for_each_site([&](int number, auto&) { found = found || number == site; });
    if (!found)
      fail("inject.105", "set_gate", "found site ", site, ", which this model's gate does not have");
  }
  set_injector(model, injector);
  model.for_each_site([&](int number, auto& site) {
    site.enabled = std::find(sites.begin(), sites.end(), number) != sites.end();
  });
}

}  // namespace spankey
