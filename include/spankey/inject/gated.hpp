// A layer that owns one key site: y = injector(x, key of the sample's group).
//
// The batch holds G groups of N/G samples; each group has its own keys, or none. x (N, d), y (N, d),
// keys of a group (N/G, d) or (1, d). Where no group has a key, or the site is off, x passes through
// untouched. In a shared pass x (N/G, d) is the input of every group; the site that has keys answers (N, d), and
// from there on the pass is a stacked one. Backward adds the groups up again.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "spankey/core/memory.hpp"
#include "spankey/core/view.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/layer/layer.hpp"

namespace spankey {

/// Keys of one site for every group of a batch, in the site's memory order (channels last).
template <class T>
struct site_keys {
  std::array<key_view<const T>, max_groups> group{};
  /// Where backward writes (=) dLoss/dkey of a group, (N/G, d); null: not wanted. Groups without a key write
  /// nothing.
  std::array<T*, max_groups> gradient{};
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

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    if constexpr (present) visit(scope{&at, "y"}, y_, enabled ? samples * Shape::size : 0, lifetime::step);
  }

  /// True where `keys` has a key for one of the first `groups` groups and the site is on.
  [[nodiscard]] bool reads(const site_keys<master>& keys, index_t groups) const {
    return present && enabled &&
           std::any_of(keys.group.begin(), keys.group.begin() + groups, [](auto& k) { return k.data; });
  }

  /// Changes p from shared to stacked where the site has keys.
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
    return keyed_ &&
           std::any_of(keys_.gradient.begin(), keys_.gradient.end(), [](master* g) { return g != nullptr; });
  }

  /// Replaces dy by dx in place, and writes the key gradients that were asked for. Where forward made a shared pass a
  /// stacked one, dx is the first N/G samples and p is shared again.
  void backward(pass& p, batch_view<T, Shape> dy) {
    if constexpr (present) {
      if (!keyed_) return;
      const index_t n = dy.samples() / p.groups;
      for (index_t g = 0; g < p.groups; ++g) {
        const std::size_t group = static_cast<std::size_t>(g);
        if (keys_.group[group].data == nullptr) continue;
        with_policy([&](const auto& policy) {
          kernels::backward(policy, n, Shape::size, input_of(g, n), keys_.group[group], dy.sample(g * n),
                            dy.sample(g * n), keys_.gradient[group]);
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
    const batch_view<T, Shape> y(y_.data, n * p.groups);
    for (index_t g = 0; g < p.groups; ++g) {
      const key_view<const master> key = keys_.group[static_cast<std::size_t>(g)];
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
