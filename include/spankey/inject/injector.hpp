// The Injector policy: how a key element k changes an activation element x, and the gradients of that.
//   y = forward(x, k)        {dx, dk} = backward(x, k, dy)
// Element by element; the kernels of a backend run it over a site. In the library's own, gamma is the strength; 0, its
// default, says that nobody set it: keys would have no effect. A policy may also say
//   is_set()    false where a site must refuse it, for somebody forgot a parameter
//   injects()   false where it leaves x as it is, so that the site takes no key
//   takes       a static key_shape: of no other keys' sites. Keys of a matrix need a SampleInjector
// A SampleInjector acts on a whole sample at once, so that a key may mix channels and positions:
//   forward(site, x, k, y)              y of one sample; x and y channels last, k the sample's key (core/key_shape.hpp)
//   backward(site, x, k, dy, dx, dk)    dx and, where it is not null, dk are overwritten; no two of them overlap
// with x, y and their gradients in the activations' type and keys in that of parameters. It runs where its functions
// can be called: on the host.
// An InjectorChoice is one of several at run time: visit(f) calls f with the policy that was chosen (inject/runtime.hpp).
// `at<...>` names the sites, `gate<Injector, at<...>>` is what a model takes as its template argument.
#pragma once

#include <array>
#include <concepts>

#include "spankey/core/dialect.hpp"
#include "spankey/core/key_shape.hpp"

namespace spankey {

template <class T>
struct injector_gradient {
  T dx, dk;
};

template <class P>
concept Injector = requires(const P& p, double v) {
  { p.forward(v, v) } -> std::convertible_to<double>;
  { p.backward(v, v, v).dx } -> std::convertible_to<double>;
  { p.backward(v, v, v).dk } -> std::convertible_to<double>;
};

template <class P>
concept SampleInjector = requires(const P& p, const site_geometry& site, const double* in, double* out) {
  p.forward(site, in, in, out);
  p.backward(site, in, in, in, out, out);
};

template <class P>
concept InjectorChoice = requires(const P& p) {
  p.visit([](const auto&) {});
};

/// Whether an injector can read the keys of a site.
template <class P>
constexpr bool reads_keys_of(key_shape shape) {
  if constexpr (requires {
                  { P::takes } -> std::convertible_to<key_shape>;
                }) {
    return shape == P::takes;
  } else {
    return shape != key_shape::matrix || SampleInjector<P>;
  }
}

/// Numbers of the sites at which a model is keyed.
template <int... Sites>
struct at {
  static constexpr std::array<int, sizeof...(Sites)> numbers = {Sites...};
  static constexpr bool contains(int site) { return ((site == Sites) || ...); }
  template <int Count>
  static constexpr bool all_below() {
    return ((Sites >= 0 && Sites < Count) && ...);
  }
};

/// An injector and its sites: the template argument that makes a model gated.
template <class P, class Sites>
struct gate {
  static_assert(
      Injector<P> || SampleInjector<P> || InjectorChoice<P>,
      "SpanKey: P is not an Injector: needs forward(x, k) and backward(x, k, dy) with members dx and "
      "dk, or both functions of a whole sample; see inject/injector.hpp");
  using injector = P;
  using sites = Sites;
};

}  // namespace spankey
