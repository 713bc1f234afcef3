// A key site with its injector, which acts on elements or on whole samples.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "spankey/core/error.hpp"
#include "spankey/inject/injector.hpp"
#include "spankey/inject/key_site.hpp"

namespace spankey {

template <class Injector, class Backend, class T>
class injecting_site : public key_site<Backend, T> {
 public:
  using kernels = inject_kernels<Backend, T>;
  using master = master_t<T>;

  /// Fails with inject.106 for keys that the injector cannot read.
  injecting_site(int number, const extents& shape, key_shape key = key_shape::element)
      : key_site<Backend, T>(number, shape, key) {
    if (!reads_keys_of<Injector>(key))
      fail("inject.106", this->name(),
           "found an injector that cannot read keys of this site's shape (core/key_shape.hpp), ",
           key == key_shape::matrix
               ? "a matrix; expected inject/entangling.hpp, or another of whole samples"
               : "numbers of elements, channels or positions; expected key_shape::matrix");
  }
  static_assert(!SampleInjector<Injector> || memory_of<Backend>::on_host,
                "SpanKey: an injector of whole samples is a function of the host: train it on backend::cpu");

  Injector injector;

  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    key_site<Backend, T>::visit(v, at, samples);
    if (of_samples())
      v.on_activations(scope{&at, "scratch"}, scratch_, this->enabled ? samples * this->in().size() : 0,
                       lifetime::scratch);
  }

  [[nodiscard]] std::string injector_name() const override {
    std::string name = "own";
    with_policy([&]<class Policy>(const Policy&) {
      if constexpr (requires { std::string_view(Policy::name); }) name = Policy::name;
    });
    return name;
  }
  [[nodiscard]] std::optional<float> strength() const override {
    std::optional<float> found;
    with_policy([&](const auto& policy) {
      if constexpr (requires { policy.gamma; }) found = policy.gamma;
    });
    return found;
  }
  [[nodiscard]] std::optional<index_t> readings() const override {
    std::optional<index_t> found;
    with_policy([&](const auto& policy) {
      if constexpr (requires { policy.readings; }) found = policy.readings;
    });
    return found;
  }
  [[nodiscard]] bool takes_key() const override {
    if constexpr (requires { injector.injects(); })
      return this->enabled && (injector.injects() || this->guard != nullptr);
    return this->enabled;
  }

 protected:
  [[nodiscard]] bool is_set() const override {
    if constexpr (requires { injector.is_set(); }) return injector.is_set();
    return true;
  }
  void inject(index_t n, const T* x, const key_view<const master>& key, T* y) override;
  void inject_back(index_t n, const T* x, const key_view<const master>& key, T* dy, master* dk) override;

 private:
  // Whether it mixes elements, so that dx cannot be written over dy.
  [[nodiscard]] bool of_samples() const {
    if constexpr (requires { injector.of_samples(); }) return injector.of_samples();
    return SampleInjector<Injector>;
  }
  // f(i) for every sample, of an injector of whole ones. Errors: inject.108 one that was chosen for a device's memory.
  template <class F>
  void for_each_sample(index_t n, F&& f) const {
    if constexpr (memory_of<Backend>::on_host) {
      kernels::for_each_sample(n, f);
    } else {
      fail("inject.108", this->name(),
           "found an injector of whole samples on a device, expected the host: backend::cpu");
    }
  }
  // Errors: inject.104.
  void require_scratch(index_t n) const {
    const index_t size = this->in().size();
    if (scratch_.count < n * size)
      fail("inject.104", this->name(), "found memory to pass back ", scratch_.count / size,
           " samples, expected ", n,
           "; an injector of whole samples has to be set when the model's arena is made");
  }
  template <class F>
  void with_policy(F&& f) const {
    if constexpr (InjectorChoice<Injector>) {
      injector.visit(f);
    } else {
      f(injector);
    }
  }

  buffer<T> scratch_;  // dx of an injector of whole samples
};

// Not inline, so that every file leaves out what spankey::compiled has (model/compiled_networks.hpp).

template <class Injector, class Backend, class T>
void injecting_site<Injector, Backend, T>::inject(index_t n, const T* x, const key_view<const master>& key,
                                                  T* y) {
  static_assert((require_backend<Backend, T>(), true));  // its sentence comes before one of the kernels
  const site_geometry& site = this->geometry();
  with_policy([&]<class Policy>(const Policy& policy) {
    if constexpr (SampleInjector<Policy>) {
      for_each_sample(n, [&](index_t i) {
        policy.forward(site, x + i * site.size(), key.data + i * key.stride, y + i * site.size());
      });
    } else {
      kernels::forward(policy, n, site, x, key, y);
    }
  });
}

template <class Injector, class Backend, class T>
void injecting_site<Injector, Backend, T>::inject_back(index_t n, const T* x,
                                                       const key_view<const master>& key, T* dy, master* dk) {
  const site_geometry& site = this->geometry();
  with_policy([&]<class Policy>(const Policy& policy) {
    if constexpr (SampleInjector<Policy>) {
      require_scratch(n);
      for_each_sample(n, [&](index_t i) {
        const index_t at = i * site.size();
        policy.backward(site, x + at, key.data + i * key.stride, dy + at, scratch_.data + at,
                        dk == nullptr ? nullptr : dk + i * site.key_size());
      });
      memory_of<Backend>::copy(scratch_.data, n * site.size(), dy);
    } else {
      kernels::backward(policy, n, site, x, key, dy, dy, dk);
    }
  });
}

}  // namespace spankey
