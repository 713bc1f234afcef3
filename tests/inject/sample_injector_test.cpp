// An injector of whole samples: it mixes channels and positions, its gradients are those of central differences, and both
// backends of the host run it alike.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "inject/injector_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

namespace {

/// y(p, c) = x(p, c) + k(c) x(p, c+1 mod C): every channel is mixed with its neighbour.
struct neighbours {
  template <class T, class K>
  void forward(const site_geometry& site, const T* x, const K* k, T* y) const {
    for (index_t i = 0; i < site.size(); ++i)
      y[i] = static_cast<T>(static_cast<K>(x[i]) + k[i % site.channels] * static_cast<K>(x[next(site, i)]));
  }
  template <class T, class K>
  void backward(const site_geometry& site, const T* x, const K* k, const T* dy, T* dx, K* dk) const {
    std::fill_n(dx, site.size(), T(0));
    if (dk != nullptr) std::fill_n(dk, site.channels, K(0));
    for (index_t i = 0; i < site.size(); ++i) {
      const index_t c = i % site.channels;
      dx[i] = static_cast<T>(static_cast<K>(dx[i]) + static_cast<K>(dy[i]));
      dx[next(site, i)] = static_cast<T>(static_cast<K>(dx[next(site, i)]) + k[c] * static_cast<K>(dy[i]));
      if (dk != nullptr) dk[c] += static_cast<K>(dy[i]) * static_cast<K>(x[next(site, i)]);
    }
  }

 private:
  static index_t next(const site_geometry& site, index_t i) {
    return i % site.channels + 1 == site.channels ? i + 1 - site.channels : i + 1;
  }
};

constexpr layer_list mixing(head_outputs outputs) {
  layer_list net("mixing", {3, 4, 5});
  net.conv2d("conv", 4, {.bias = bias::learned}).relu("relu").site(0, key_shape::channel);
  return net.conv2d("last", 2).head("fc", outputs);
}
template <class Backend, class T>
using network = model_of<mixing, 3, gate<neighbours, at<0>>, Backend, T>;

}  // namespace

TEST_CASE("sample injector: gradients of keys and of what lies before the site") {
  network<backend::reference, double> model;
  spankey_test::check_injector_gradients(model, 3, false);
}

TEST_CASE("sample injector: the backends of the host agree, with one key for all samples, too") {
  for (const bool shared : {false, true}) {
    network<backend::reference, float> reference;
    network<backend::cpu, float> cpu;
    spankey_test::check_injector_agreement(reference, cpu, 17, shared);
  }
}
