// A key site with a static shape, which may be left out by its gate: for networks composed by hand, and for tests.
#pragma once

#include <type_traits>

#include "spankey/core/view.hpp"
#include "spankey/inject/injecting_site.hpp"
#include "spankey/inject/none.hpp"

namespace spankey {

template <class Gate, int Site>
inline constexpr bool has_site = Gate::sites::contains(Site) &&
                                 !std::is_same_v<typename Gate::injector, none>;

template <class Shape, class Gate, int Site, class Backend, class T>
class gated : public injecting_site<typename Gate::injector, Backend, T> {
  using site_type = injecting_site<typename Gate::injector, Backend, T>;

 public:
  using input = Shape;
  using output = Shape;
  /// False where the template argument leaves this site out: then nothing is stored and nothing runs.
  static constexpr bool present = has_site<Gate, Site>;

  gated() : site_type(Site, extents_of<Shape>) { this->enabled = present; }

  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    if constexpr (present) site_type::visit(v, at, samples);
  }
  batch_view<const T, Shape> forward(pass& p, batch_view<const T, Shape> x,
                                     const site_keys<master_t<T>>& keys) {
    index_t n = x.samples();
    const T* const y = site_type::forward(p, n, x.data(), keys);
    return {y, n};
  }
  void backward(pass& p, batch_view<T, Shape> dy) {
    index_t n = dy.samples();
    site_type::backward(p, n, dy.data());
  }
};

}  // namespace spankey
