// A network that runs: the layers of a list (model/layer_list.hpp), forward and backward, in memory that an arena
// plans. Its sizes are known at run time; model_of<...> (model/model.hpp) is the same with static ones.
//
//   forward(pass, x, samples, keys)   -> logits (N, outputs); x holds N samples, or N/G in a shared pass
//   backward(pass, samples)           reads the gradient of the N logits, which the caller wrote into logit_gradient(N)
// Where the network answers for every token, logits are (N, tokens, outputs).
// In a shared pass all groups are the same samples, up to the first site that has a key; shares_pass() says whether
// that is possible.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spankey/core/head_outputs.hpp"
#include "spankey/inject/key_site.hpp"
#include "spankey/layer/token_head.hpp"
#include "spankey/model/layer_list.hpp"
#include "spankey/model/make_layer.hpp"
#include "spankey/model/network_plan.hpp"

namespace spankey {

/// Is shown the output of every layer of a forward pass, by the layer's name.
template <class T>
class activation_watch {
 public:
  virtual void on_activation(std::string_view name, const T* y, index_t count) = 0;

 protected:
  ~activation_watch() = default;
};

template <class Backend, class T>
class layered_network {
 public:
  using scalar = T;            // of activations
  using master = master_t<T>;  // of parameters, keys and logits
  using backend_type = Backend;
  using network_type = layered_network;
  using site_type = key_site<Backend, T>;
  using keys_type = std::span<const site_keys<master>>;
  /// Makes a site, from its number and the shapes of its activation and its key; null where the gate leaves it out.
  using site_maker = std::unique_ptr<site_type> (*)(int number, const extents& shape, key_shape key);

  /// Fails with model.101 for a list with a mistake.
  layered_network(const layer_list& list, site_maker make_site);

  // Layers know each other's memory by address: a network stays where it is.
  layered_network(const layered_network&) = delete;
  layered_network& operator=(const layered_network&) = delete;

  [[nodiscard]] std::string_view name() const { return name_.view(); }
  [[nodiscard]] const extents& input_extents() const { return input_; }
  [[nodiscard]] const head_outputs& head() const { return head_->outputs(); }
  /// Rows of logits a sample: 1, or one for every token.
  [[nodiscard]] index_t answers() const { return head_->answers(); }
  /// True where these are the tokens', be it one.
  [[nodiscard]] bool answers_tokens() const { return list_.back().per_token; }
  /// Extents of the key of every site, of those too that the gate leaves out.
  [[nodiscard]] std::span<const extents> site_shapes() const { return site_shapes_; }
  [[nodiscard]] std::span<const layer_description> layers() const { return list_; }

  /// For how many samples the memory was planned, and whether the weights were written.
  [[nodiscard]] planned_memory& planned() { return planned_; }

  /// f(scope, layer): whatever owns something, in PyTorch's order and names.
  template <class F>
  void for_each_layer(F&& f, const scope& at = {}) {
    for (std::size_t i = 0; i < list_.size(); ++i)
      if (visited<T>* const owner = owner_of(i); owner != nullptr)
        f(scope{&at, list_[i].name.view()}, *owner);
  }
  template <class F>
  void for_each_parameter(F&& f, const scope& at = {}) {
    for_each_layer([&](const scope& name, visited<T>& owner) { owner.for_each_parameter(f, name); }, at);
  }
  /// By its name in files, as "layer1.0.conv1.weight". Fails with model.103 where there is none of it.
  [[nodiscard]] parameter<master>& parameter_of(std::string_view name_in_files) {
    parameter<master>* found = nullptr;
    for_each_parameter([&](const scope& at, parameter<master>& p) {
      if (at.str() == name_in_files) found = &p;
    });
    if (found == nullptr) fail("model.103", name(), "found no parameter \"", name_in_files, "\"");
    return *found;
  }
  /// Those of one entry of the list alone.
  template <class F>
  void for_each_parameter_of(std::size_t entry, F&& f) {
    owner_of(entry)->for_each_parameter(f, scope{nullptr, list_[entry].name.view()});
  }
  template <class F>
  void for_each_state_of(std::size_t entry, F&& f) {
    owner_of(entry)->for_each_state(f, scope{nullptr, list_[entry].name.view()});
  }
  template <class F>
  void for_each_state(F&& f, const scope& at = {}) {
    for_each_layer([&](const scope& name, visited<T>& owner) { owner.for_each_state(f, name); }, at);
  }
  /// visit(scope, buffer&, count, lifetime, span_of_use)
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples);
  /// Calls f(site number, site) for every site of the gate.
  template <class F>
  void for_each_site(F&& f) {
    for (const auto& site : sites_)
      if (site != nullptr) f(site->number(), *site);
  }
  /// The layers whose weights can be packed.
  template <class F>
  void for_each_packed(F&& f) {
    for (const auto& l : layers_)
      if (l != nullptr && l->packed_size() > 0) f(*l);
  }
  /// True where a shared pass is possible: one of the first `groups` groups has a key somewhere, and the first such
  /// site stands outside every block. (Inside one, the other path would hold each sample once, not once a group.)
  [[nodiscard]] bool shares_pass(keys_type keys, index_t groups) const;

  /// Where the loss writes dLoss/dlogits (N, answers, outputs) before backward.
  [[nodiscard]] master* logit_gradient(index_t samples) {
    planned_.require(samples, "logit_gradient");
    return logit_gradient_.data;
  }
  /// Logits (N, answers, outputs), until the next pass. `samples`: of x. `keys`: one entry a site, by number, or none at all
  /// where no site has a key. `watch` is shown the output of every layer. Errors: memory.105 to memory.107, model.102
  /// keys of another number of sites, those of the layers and sites.
  const master* forward(pass p, const T* x, index_t samples, keys_type keys,
                        activation_watch<T>* watch = nullptr);
  void backward(pass p, index_t samples);

 private:
  visited<T>* owner_of(std::size_t entry) {
    if (list_[entry].kind == layer_kind::head) return head_.get();
    if (list_[entry].kind == layer_kind::site)
      return sites_[static_cast<std::size_t>(list_[entry].site)].get();
    return layers_[entry].get();
  }
  [[nodiscard]] bool has_free_parameters(std::size_t entry);
  std::unique_ptr<any_head<Backend, T>> make_head(const head_outputs& outputs);
  void find_needs();
  T* in_register(int r) const { return registers_[static_cast<std::size_t>(r)].data; }
  [[nodiscard]] index_t size_of(int r) const { return plan_.registers[static_cast<std::size_t>(r)].size; }
  void backward_layer(pass& p, index_t& samples, const backward_operation& op);

  layer_name name_;
  extents input_;
  std::vector<layer_description> list_;
  std::vector<extents> site_shapes_;
  std::vector<std::unique_ptr<layer<Backend, T>>> layers_;  // by entry; null where there is none
  std::vector<std::unique_ptr<site_type>> sites_;           // by number; null where the gate leaves it out
  std::unique_ptr<any_head<Backend, T>> head_;
  network_plan plan_;
  std::vector<const T*> values_;      // what every entry put out, of the pass that is under way
  std::vector<buffer<T>> registers_;  // of gradients
  std::vector<bool> needs_input_gradient_, trains_;  // by entry, of the backward pass that is under way
  buffer<master> logit_gradient_;
  planned_memory planned_;
};

}  // namespace spankey

#include "spankey/model/layered_passes.hpp"
