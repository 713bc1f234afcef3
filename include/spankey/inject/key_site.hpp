// A place in a network where a key acts: y = injector(x, key of the sample's group).
//
// The batch holds G groups of N/G samples; each group has its own keys, or none. x (N, H, W, C), y (N, H, W, C),
// keys of a group (N/G, d) or (1, d); d is C H W, C, H W or C C (core/key_shape.hpp). Where no group has a key, or the site
// is off, x passes through untouched. In a shared pass x has N/G samples, the input of every group; the first site that
// has a key puts out N, and from there on the pass is a stacked one. Backward adds the groups up again.
// A site with a guard (inject/key_guard.hpp) is keyed in every group: having no key is having one that is refused.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>

#include "spankey/core/error.hpp"
#include "spankey/core/key_shape.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/inject/key_guard.hpp"
#include "spankey/inject/site_keys.hpp"
#include "spankey/layer/layer.hpp"

namespace spankey {

/// What a network knows of a site, whatever its injector.
template <class Backend, class T>
class key_site : public visited<T> {
 public:
  using scalar = T;
  using master = master_t<T>;

  key_site(int number, const extents& shape, key_shape key = key_shape::element)
      : number_(number), shape_(shape), geometry_(geometry_of(shape, key)) {}

  /// Run-time mask; set before the memory is planned.
  bool enabled = true;
  /// Says which keys are let in, where not all are; outlives the passes. Of networks in the host's memory.
  key_guard<T>* guard = nullptr;

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] const extents& in() const { return shape_; }
  [[nodiscard]] const site_geometry& geometry() const { return geometry_; }

  /// True where a key changes something: the site is on, and its injector is not one that leaves x as it is.
  [[nodiscard]] virtual bool takes_key() const = 0;

  /// Of the injector: its name in files, "own" where it says none; its strength and its readings, where it has them.
  [[nodiscard]] virtual std::string injector_name() const = 0;
  [[nodiscard]] virtual std::optional<float> strength() const = 0;
  [[nodiscard]] virtual std::optional<index_t> readings() const = 0;

  /// True where `keys` has a key for one of the first `groups` groups, or a guard wants one, and the site is on.
  [[nodiscard]] bool reads(const site_keys<master>& keys, index_t groups) const {
    return enabled && (guard != nullptr || std::any_of(keys.group.begin(), keys.group.begin() + groups,
                                                       [](auto& k) { return k.values.data() != nullptr; }));
  }

  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, enabled ? samples * shape_.size() : 0, lifetime::output);
  }

  /// n samples of x; where the site has keys, p becomes a stacked pass and n its samples. Errors: inject.101 an
  /// injector that nobody set, inject.102 keys or inject.103 key gradients of another size than the batch needs,
  /// inject.104 a site that was switched on after the memory was planned.
  const T* forward(pass& p, index_t& n, const T* x, const site_keys<master>& keys) {
    keys_ = keys;
    keyed_ = reads(keys, p.groups);
    splits_ = keyed_ && p.shared;
    if (!keyed_) return x;
    x_ = x;
    const index_t each = n / p.parts();
    require_fit(p.groups, each);
    for (index_t g = 0; g < p.groups; ++g) {
      const key_view<const master> key = view_of(keys_.group[static_cast<std::size_t>(g)]);
      T* const y = y_.data + g * each * shape_.size();
      if (guard != nullptr) {
        const T* const from = input_of(g, each);
        guard->for_each(
            each, shape_.size(), key, [&](index_t at, const auto& own) { inject(1, from + at, own, y + at); },
            [&](index_t at) { guard->refuse(from + at, y + at); });
      } else if (key.data == nullptr) {
        memory_of<Backend>::copy(input_of(g, each), each * shape_.size(), y);
      } else {
        inject(each, input_of(g, each), key, y);
      }
    }
    p.shared = false;
    n = each * p.groups;
    return y_.data;
  }

  /// True when backward has to deliver a key gradient, so that the gradient must reach this site.
  [[nodiscard]] bool wants_key_gradient() const {
    return keyed_ && std::any_of(keys_.gradient.begin(), keys_.gradient.end(),
                                 [](const auto& g) { return g.data() != nullptr; });
  }

  /// Replaces dy by dx in place, and writes the key gradients that were asked for. Where forward made a shared pass a
  /// stacked one, dx is the first n/G samples and p is shared again.
  void backward(pass& p, index_t& n, T* dy) {
    if (!keyed_) return;
    const index_t each = n / p.groups;
    for (index_t g = 0; g < p.groups; ++g) {
      const std::size_t group = static_cast<std::size_t>(g);
      const key_view<const master> key = view_of(keys_.group[group]);
      T* const part = dy + g * each * shape_.size();
      master* const dk = keys_.gradient[group].data();
      if (guard != nullptr) {
        const T* const from = input_of(g, each);
        if (dk != nullptr && key.data != nullptr) std::fill_n(dk, each * geometry_.key_size(), master(0));
        guard->for_each(
            each, shape_.size(), key,
            [&](index_t at, const auto& own) {
              const index_t sample = at / shape_.size();
              inject_back(1, from + at, own, part + at,
                          dk == nullptr ? nullptr : dk + sample * geometry_.key_size());
            },
            [&](index_t at) { guard->refuse_back(part + at); });
      } else if (key.data != nullptr) {
        inject_back(each, input_of(g, each), key, part, dk);
      }
    }
    if (!splits_) return;
    for (index_t g = 1; g < p.groups; ++g)
      elementwise_kernels<Backend, T>::add(each * shape_.size(), dy + g * each * shape_.size(), dy);
    p.shared = true;
    n = each;
  }

 protected:
  [[nodiscard]] std::string name() const { return "gate" + std::to_string(number_); }
  /// False where a parameter of the injector is missing.
  [[nodiscard]] virtual bool is_set() const = 0;
  /// y = injector(x, key) of n samples.
  virtual void inject(index_t n, const T* x, const key_view<const master>& key, T* y) = 0;
  /// dy becomes dx; dk (n, d) is written where it is not null.
  virtual void inject_back(index_t n, const T* x, const key_view<const master>& key, T* dy, master* dk) = 0;

 private:
  static key_view<const master> view_of(const group_keys<master>& keys) {
    return {keys.values.data(), keys.stride};
  }
  // Keys and gradients of `groups` groups of n samples, and the memory for what they change.
  void require_fit(index_t groups, index_t n) const {
    const index_t d = geometry_.key_size(), size = shape_.size();
    if (!is_set())
      fail("inject.101", name(),
           "found an injector whose strength nobody set (gamma 0 leaves x as it is); "
           "expected set_injector(model, policy) before");
    if (y_.count < n * groups * size)
      fail("inject.104", name(), "found memory for ", y_.count / size, " samples, expected ", n * groups,
           "; a site has to be on when the model's arena is made");
    for (std::size_t g = 0; g < static_cast<std::size_t>(groups); ++g) {
      const group_keys<master>& keys = keys_.group[g];
      if (keys.values.data() == nullptr) continue;
      const auto found = static_cast<index_t>(keys.values.size());
      const bool fits = keys.stride == 0 ? found == d : keys.stride == d && found >= n * d;
      if (!fits)
        fail("inject.102", name(), "found ", found, " elements of keys with stride ", keys.stride,
             " for group ", g, ", expected ", d, " with stride 0 (one key for all samples), or ", n, " x ", d,
             " with stride ", d);
      const auto& gradient = keys_.gradient[g];
      if (gradient.data() != nullptr && static_cast<index_t>(gradient.size()) < n * d)
        fail("inject.103", name(), "found ", gradient.size(), " elements for the key gradient of group ", g,
             ", expected ", n, " x ", d);
    }
  }
  // Where a group of n samples reads its input.
  const T* input_of(index_t group, index_t n) const { return splits_ ? x_ : x_ + group * n * shape_.size(); }

  int number_;
  extents shape_;
  site_geometry geometry_;
  buffer<T> y_;
  const T* x_ = nullptr;
  site_keys<master> keys_;
  bool keyed_ = false, splits_ = false;
};

}  // namespace spankey
