// A layer that owns one key site: y = injector(x, key of the sample's group).
//
// The batch holds G groups of N/G samples; each group has its own keys, or none. x (N, d), y (N, d),
// keys of a group (N/G, d) or (1, d). Where no group has a key, or the site is off, x passes through
// untouched. In a shared pass x (N/G, d) is the input of every group; the site that has keys answers (N, d), and
// from there on the pass is a stacked one. Backward adds the groups up again.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <type_traits>

#include "spankey/core/error.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/core/view.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/layer/layer.hpp"

namespace spankey {

/// Keys of one group at one site of d elements: (N/G, d), one key a sample, where `stride` is d; d elements, one key for
/// all samples, where it is 0. Without data: no key.
template <class T>
struct group_keys {
  std::span<const T> values{};
  index_t stride = 0;
};

/// Keys of one site for every group of a batch, in the site's memory order (channels last).
template <class T>
struct site_keys {
  std::array<group_keys<T>, max_groups> group{};
  /// Where backward writes (=) dLoss/dkey of a group, (N/G, d); without data: not wanted. Groups without a key write
  /// nothing.
  std::array<std::span<T>, max_groups> gradient{};
};

/// Keys of every site of a model.
template <class T, std::size_t Sites>
using model_keys = std::array<site_keys<T>, Sites>;

template <class Shape, class Gate, int Site, class Backend, class T>
class gated {
 public:
  using input = Shape;
  using output = Shape;
  using kernels = inject_kernels<Backend, T>;
  using master = master_t<T>;
  /// False where the template argument leaves this site out: then nothing is stored and nothing runs.
  static constexpr bool present =
      Gate::sites::contains(Site) && !std::is_same_v<typename Gate::injector, none>;

  typename Gate::injector injector;
  /// Run-time mask; set before the memory is planned.
  bool enabled = true;

  /// True where a key changes something: the site is on, and its injector is not one that leaves x as it is.
  [[nodiscard]] bool takes_key() const {
    if constexpr (!present) {
      return false;
    } else if constexpr (requires { injector.injects(); }) {
      return enabled && injector.injects();
    } else {
      return enabled;
    }
  }

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    if constexpr (present) visit(scope{&at, "y"}, y_, enabled ? samples * Shape::size : 0, lifetime::step);
  }

  /// True where `keys` has a key for one of the first `groups` groups and the site is on.
  [[nodiscard]] bool reads(const site_keys<master>& keys, index_t groups) const {
    return present && enabled && std::any_of(keys.group.begin(), keys.group.begin() + groups, [](auto& k) {
             return k.values.data() != nullptr;
           });
  }

  /// Changes p from shared to stacked where the site has keys. Errors: inject.101 an injector that nobody set, inject.102
  /// keys and inject.103 key gradients of another size than the batch needs, inject.104 a site that was switched on after
  /// the memory was planned.
  batch_view<const T, Shape> forward(pass& p, batch_view<const T, Shape> x, const site_keys<master>& keys) {
    keys_ = keys;
    keyed_ = reads(keys, p.groups);
    splits_ = keyed_ && p.shared;
    if constexpr (present) {
      if (keyed_) return inject(p, x);
    }
    return x;
  }

  /// True when backward has to deliver a key gradient, so that the gradient must reach this site.
  [[nodiscard]] bool wants_key_gradient() const {
    return keyed_ && std::any_of(keys_.gradient.begin(), keys_.gradient.end(),
                                 [](const auto& g) { return g.data() != nullptr; });
  }

  /// Replaces dy by dx in place, and writes the key gradients that were asked for. Where forward made a shared pass a
  /// stacked one, dx is the first N/G samples and p is shared again.
  void backward(pass& p, batch_view<T, Shape> dy) {
    if constexpr (present) {
      if (!keyed_) return;
      const index_t n = dy.samples() / p.groups;
      for (index_t g = 0; g < p.groups; ++g) {
        const std::size_t group = static_cast<std::size_t>(g);
        const key_view<const master> key = view_of(keys_.group[group]);
        if (key.data == nullptr) continue;
        with_policy([&](const auto& policy) {
          kernels::backward(policy, n, Shape::size, input_of(g, n), key, dy.sample(g * n), dy.sample(g * n),
                            keys_.gradient[group].data());
        });
      }
      if (!splits_) return;
      for (index_t g = 1; g < p.groups; ++g) kernels::add(n * Shape::size, dy.sample(g * n), dy.data());
      p.shared = true;
    }
  }

 private:
  batch_view<const T, Shape> inject(pass& p, batch_view<const T, Shape> x) {
    x_ = x;
    const index_t n = x.samples() / p.parts();
    require_fit(p.groups, n);
    const batch_view<T, Shape> y(y_.data, n * p.groups);
    for (index_t g = 0; g < p.groups; ++g) {
      const key_view<const master> key = view_of(keys_.group[static_cast<std::size_t>(g)]);
      if (key.data == nullptr) {
        memory_of<Backend>::copy(input_of(g, n), n * Shape::size, y.sample(g * n));
      } else {
        with_policy([&](const auto& policy) {
          kernels::forward(policy, n, Shape::size, input_of(g, n), key, y.sample(g * n));
        });
      }
    }
    p.shared = false;
    return y;
  }
  static key_view<const master> view_of(const group_keys<master>& keys) {
    return {keys.values.data(), keys.stride};
  }
  // Keys and gradients of `groups` groups of n samples, and the memory for what they change.
  void require_fit(index_t groups, index_t n) const {
    if constexpr (requires { injector.is_set(); }) {
      if (!injector.is_set())
        fail("inject.101", gate_name(),
             "found an injector whose strength nobody set (gamma 0 leaves x as it is); "
             "expected set_injector(model, policy) before");
    }
    if (y_.count < n * groups * Shape::size)
      fail("inject.104", gate_name(), "found memory for ", y_.count / Shape::size, " samples, expected ",
           n * groups, "; a site has to be on when the model's arena is made");
    for (std::size_t g = 0; g < static_cast<std::size_t>(groups); ++g) {
      const group_keys<master>& keys = keys_.group[g];
      if (keys.values.data() == nullptr) continue;
      const auto found = static_cast<index_t>(keys.values.size());
      const bool fits =
          keys.stride == 0 ? found == Shape::size : keys.stride == Shape::size && found >= n * Shape::size;
      if (!fits)
        fail("inject.102", gate_name(), "found ", found, " elements of keys with stride ", keys.stride,
             " for group ", g, ", expected ", Shape::size, " with stride 0 (one key for all samples), or ", n,
             " x ", Shape::size, " with stride ", Shape::size);
      const auto& gradient = keys_.gradient[g];
      if (gradient.data() != nullptr && static_cast<index_t>(gradient.size()) < n * Shape::size)
        fail("inject.103", gate_name(), "found ", gradient.size(), " elements for the key gradient of group ",
             g, ", expected ", n, " x ", Shape::size);
    }
  }
  static std::string gate_name() { return "gate" + std::to_string(Site); }
  // Where a group of n samples reads its input.
  const T* input_of(index_t group, index_t n) const { return splits_ ? x_.data() : x_.sample(group * n); }

  template <class F>
  void with_policy(F&& f) const {
    if constexpr (requires { injector.visit(f); }) {
      injector.visit(f);
    } else {
      f(injector);
    }
  }

  buffer<T> y_;
  batch_view<const T, Shape> x_;
  site_keys<master> keys_;
  bool keyed_ = false, splits_ = false;
};

}  // namespace spankey
