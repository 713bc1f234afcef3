// A model whose list is made at run time: any number of classes, any input that its layers fit. Every site has the
// injector; a mistake in the list is model.101.
//
//   sized_model<runtime, backend::cpu, float> model(resnet18_on({3, 64, 64}, 101));
#pragma once

#include <memory>

#include "spankey/model/model.hpp"

namespace spankey {

template <class Injector, class Backend, class T>
class sized_model : public layered_network<Backend, T> {
 public:
  using network_type = layered_network<Backend, T>;
  using gate_site = injecting_site<Injector, Backend, T>;

  explicit sized_model(const layer_list& list) : network_type(list, &make_site) {}

  /// Calls f(site number, site); a site has `injector` and `enabled`.
  template <class F>
  void for_each_site(F&& f) {
    network_type::for_each_site([&](int number, auto& site) { f(number, static_cast<gate_site&>(site)); });
  }

 private:
  static std::unique_ptr<typename network_type::site_type> make_site(int number, const extents& shape,
                                                                     key_shape key) {
    return std::make_unique<gate_site>(number, shape, key);
  }
};

}  // namespace spankey
