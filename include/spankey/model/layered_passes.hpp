// What model/layered_network.hpp declares: making a network, its buffers, its passes.
#pragma once

#include "spankey/model/layered_network.hpp"

namespace spankey {

template <class Backend, class T>
layered_network<Backend, T>::layered_network(const layer_list& list, site_maker make_site)
    : name_(list.name()), input_(list.input()), list_(list.begin(), list.end()) {
  if (list.found() != list_fault::none)
    fail("model.101", list.fault_at().empty() ? list.name() : list.fault_at(), sentence_of(list.found()));
  std::vector<layer_traits> traits(list_.size());
  for (std::size_t i = 0; i < list_.size(); ++i) {
    const layer_description& d = list_[i];
    const bool added_elsewhere = d.kind == layer_kind::join && d.sum != i;
    const lifetime life = is_recomputed(list_, i) ? lifetime::inner : lifetime::output;
    layers_.push_back(added_elsewhere ? nullptr : make_layer<Backend, T>(d, i, life));
    if (layers_.back() != nullptr) traits[i] = layers_.back()->traits();
    if (d.kind == layer_kind::site) {
      traits[i] = {.reads_x = true, .in_place = true, .may_pass_on = true};
      site_shapes_.push_back(extents_of_key(d.in, d.key));
      sites_.push_back(make_site(d.site, d.in, d.key));
    }
  }
  head_ = make_head(list.outputs());
  plan_ = plan_network(list_, traits);
  values_.resize(list_.size());
  registers_.resize(plan_.registers.size());
  needs_input_gradient_.resize(list_.size());
  trains_.resize(list_.size());
}

template <class Backend, class T>
std::unique_ptr<any_head<Backend, T>> layered_network<Backend, T>::make_head(const head_outputs& outputs) {
  const layer_description& d = list_.back();
  if (!d.per_token) return std::make_unique<head_layer<Backend, T>>(d.in, outputs, d.map);
  auto& embedding = static_cast<embedding_layer<Backend, T>&>(*layers_.front());
  return std::make_unique<token_head_layer<Backend, T>>(d.in, outputs, embedding);
}

template <class Backend, class T>
template <class Visitor>
void layered_network<Backend, T>::for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
  for (std::size_t i = 0; i < list_.size(); ++i) {
    visited<T>* const owner = owner_of(i);
    if (owner == nullptr) continue;
    const auto with_use = [&](const scope& name, auto& b, index_t count, lifetime life) {
      visit(name, b, count, life, life == lifetime::output ? plan_.output[i] : plan_.state[i]);
    };
    owner->for_each_buffer(with_use, scope{&at, list_[i].name.view()}, samples);
  }
  for (std::size_t r = 0; r < registers_.size(); ++r) {
    const gradient_register& planned = plan_.registers[r];
    visit(scope{&at, "gradient"}, registers_[r], samples * planned.size, lifetime::step, planned.use);
  }
  visit(scope{&at, "logit_gradient"}, logit_gradient_, samples * answers() * head(), lifetime::kept,
        span_of_use{});
}

template <class Backend, class T>
bool layered_network<Backend, T>::shares_pass(keys_type keys, index_t groups) const {
  int depth = 0;
  for (const layer_description& d : list_) {
    depth += d.kind == layer_kind::residual ? 1 : d.kind == layer_kind::join ? -1 : 0;
    if (d.kind != layer_kind::site) continue;
    const auto number = static_cast<std::size_t>(d.site);
    if (!keys.empty() && sites_[number] != nullptr && sites_[number]->reads(keys[number], groups))
      return depth == 0;
  }
  return false;
}

template <class Backend, class T>
auto layered_network<Backend, T>::forward(pass p, const T* x, index_t samples, keys_type keys,
                                          activation_watch<T>* watch) -> const master* {
  planned_.require_written(p.shared ? samples * p.groups : samples, "forward");
  const site_keys<master> no_keys;
  if (!keys.empty() && keys.size() != sites_.size())
    fail("model.102", name(), "found keys of ", keys.size(), " sites, expected those of ", sites_.size());
  const auto value_of = [&](int entry) {
    return entry == input_value ? x : values_[static_cast<std::size_t>(entry)];
  };
  for (const forward_operation& op : plan_.forward) {
    const auto i = static_cast<std::size_t>(op.layer);
    const T* const in = value_of(op.x);
    if (list_[i].kind == layer_kind::head) return head_->forward(samples, in);
    if (list_[i].kind == layer_kind::site) {
      const auto number = static_cast<std::size_t>(list_[i].site);
      values_[i] = sites_[number] == nullptr
                       ? in
                       : sites_[number]->forward(p, samples, in, keys.empty() ? no_keys : keys[number]);
    } else {
      values_[i] = layers_[i]->forward(
          p, samples, in, op.addend == forward_operation::nothing ? nullptr : value_of(op.addend));
    }
    if (watch != nullptr)
      watch->on_activation(list_[i].name.view(), values_[i], samples * list_[i].out.size());
  }
  return nullptr;  // not reached: a list ends with its head
}

template <class Backend, class T>
bool layered_network<Backend, T>::has_free_parameters(std::size_t entry) {
  bool found = false;
  owner_of(entry)->for_each_parameter([&](const scope&, auto& p) { found = found || !p.frozen; }, scope{});
  return found;
}

// Of every entry: whether anything before it, a parameter or the key of a site, wants a gradient, and so its dx; and
// whether it has parameters to train. A path of a block knows what stands before the block and on itself.
template <class Backend, class T>
void layered_network<Backend, T>::find_needs() {
  struct path {
    bool before, so_far;
  };
  std::array<path, layer_list::most_depth> open{};  // no heap: a step allocates nothing
  std::size_t depth = 0;
  bool found = false;
  for (std::size_t i = 0; i < list_.size(); ++i) {
    const layer_description& d = list_[i];
    if (d.kind == layer_kind::residual) open[depth++] = {found, found};
    if (d.kind == layer_kind::skip) open[depth - 1].so_far = found, found = open[depth - 1].before;
    if (d.kind == layer_kind::join) found = open[--depth].so_far || found;
    needs_input_gradient_[i] = found;
    if (d.kind == layer_kind::site) {
      const auto& site = sites_[static_cast<std::size_t>(d.site)];
      found = found || (site != nullptr && site->wants_key_gradient());
    } else {
      trains_[i] = d.has_weights() && has_free_parameters(i);
      found = found || trains_[i];
    }
  }
}

template <class Backend, class T>
void layered_network<Backend, T>::backward(pass p, index_t samples) {
  find_needs();
  for (const backward_operation& op : plan_.backward) {
    const auto i = static_cast<std::size_t>(op.layer);
    switch (op.kind) {
      case backward_kind::layer:
        backward_layer(p, samples, op);
        if (p.watch != nullptr && trains_[i]) p.watch->on_gradients(i);
        break;
      case backward_kind::recompute:
        layers_[i]->recompute(p);
        break;
      case backward_kind::sum:
        layers_[i]->backward(p, samples, {in_register(op.dy), in_register(op.dx)});
        break;
      case backward_kind::copy:
        memory_of<Backend>::copy(in_register(op.dy), samples * size_of(op.dy), in_register(op.dx));
        break;
      case backward_kind::add:
        elementwise_kernels<Backend, T>::add(samples * size_of(op.dy), in_register(op.dy),
                                             in_register(op.dx));
        break;
    }
  }
}

template <class Backend, class T>
void layered_network<Backend, T>::backward_layer(pass& p, index_t& samples, const backward_operation& op) {
  const auto i = static_cast<std::size_t>(op.layer);
  const layer_description& d = list_[i];
  T* const dx = needs_input_gradient_[i] ? in_register(op.dx) : nullptr;
  if (d.kind == layer_kind::head) {
    if (dx != nullptr || trains_[i]) head_->backward(samples, logit_gradient_.data, dx);
    return;
  }
  if (d.kind == layer_kind::site) {
    auto& site = sites_[static_cast<std::size_t>(d.site)];
    if (site != nullptr && (dx != nullptr || site->wants_key_gradient()))
      site->backward(p, samples, in_register(op.dy));
    return;
  }
  // A norm that adds also leaves the gradient of what it added, which may lead to somebody who wants one.
  if (dx == nullptr && !trains_[i] && !d.takes_sum) return;
  // Convolutions and linear maps can leave dx out; the others write it where their register is.
  const bool may_leave_out = d.kind == layer_kind::conv2d || d.kind == layer_kind::linear ||
                             d.kind == layer_kind::project || d.kind == layer_kind::embedding;
  layers_[i]->backward(p, samples,
                       {in_register(op.dy), may_leave_out ? dx : in_register(op.dx), op.accumulates});
}

}  // namespace spankey
