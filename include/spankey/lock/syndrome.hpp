// A gate by algebra, without training: a key is accepted where it lies in the span, which q rows of the complement tell.
//
//   share(k) = |N k|^2 / |k|^2        N (q, d) orthonormal, N B^T = 0 for the basis B of the span
//   accepted: 0 < |k| and share <= limit        y = x
//   refused:                                    y = Pi x, a signed permutation of the sample's elements
// A valid key has a share of rounding errors (1e-12). Of an isotropic key the share is Beta(q/2, (d-q)/2), so that limit and q
// give the bits of a false acceptance (lock/beta_tail.hpp); of a key at an angle t to the span it is about sin^2 t q/(d-m), so
// that at the usual limit keys of less than a degree pass. It keeps out who asks a library or a service with keys of their
// own; who holds the weights leaves it out. Not differentiable in k (dk = 0).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/key_shape.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/inject/injector.hpp"
#include "spankey/key/energy_outside.hpp"
#include "spankey/key/site.hpp"
#include "spankey/key/subspace.hpp"
#include "spankey/lock/beta_tail.hpp"

namespace spankey {

/// What one site knows of the keys that it accepts. Not secret from who holds the network: N shows the span's complement.
class key_syndrome {
 public:
  static constexpr index_t usual_rows = 32;
  static constexpr double usual_limit = 1e-6;

  /// q rows of the complement, and the permutation of a sample's elements (0: as many as a key has), follow from the seed.
  /// Fails with lock.112 where the complement has fewer rows, with lock.111 for a limit that is not between 0 and 1.
  key_syndrome(const subspace& span, std::uint64_t seed, index_t q = usual_rows, double limit = usual_limit,
               index_t elements = 0)
      : d_(span.size()),
        limit_(limit),
        order_(static_cast<std::size_t>(elements == 0 ? d_ : elements)),
        signs_(order_.size()) {
    const index_t m = span.dimension();
    if (q < 1 || q > d_ - m)
      fail("lock.112", "key_syndrome", "asked for ", q, " rows of a complement of ", d_ - m, " dimensions");
    bits_ = accepting_bits(limit, q, d_);
    // The span's rows come first: what is orthogonal to them and to each other is left of the rows behind.
    secret_vector<double> rows(static_cast<std::size_t>((m + q) * d_));
    std::copy_n(span.orthonormal_basis(), m * d_, rows.begin());
    const random_source drawn(seed, stream::syndrome);
    for (index_t i = m * d_; i < (m + q) * d_; ++i)
      rows[static_cast<std::size_t>(i)] = drawn.gaussian(static_cast<std::uint64_t>(i));
    if (!(orthonormalise(rows, m + q, d_) > 1e-9))
      fail("lock.112", "key_syndrome", "found no ", q, " independent rows in a complement of ", d_ - m,
           " dimensions");
    std::transform(rows.begin() + m * d_, rows.end(), std::back_inserter(rows_),
                   [](double number) { return static_cast<float>(number); });

    const random_source mixed(seed, stream::syndrome, 1);
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<std::uint32_t>(i);
    for (std::size_t i = order_.size(); i > 1; --i)
      std::swap(order_[i - 1], order_[mixed.below(i, static_cast<std::uint32_t>(i))]);
    for (std::size_t i = 0; i < signs_.size(); ++i)
      signs_[i] = mixed.below(order_.size() + 1 + i, 2) == 0 ? 1.0F : -1.0F;
  }

  [[nodiscard]] index_t size() const { return d_; }
  [[nodiscard]] index_t rows() const { return static_cast<index_t>(rows_.size()) / d_; }
  [[nodiscard]] double limit() const { return limit_; }
  /// -log2 of the share of isotropic keys that are accepted.
  [[nodiscard]] double bits() const { return bits_; }

  /// The rows, in memory order.
  [[nodiscard]] outside_rows outside() const {
    return {rows_.data(), rows(), d_, static_cast<float>(limit_)};
  }
  /// |N k|^2 / |k|^2 of a key in memory order; 1 where k = 0, or is no number.
  template <class T>
  [[nodiscard]] double share(const T* k) const {
    return static_cast<double>(outside().share([k](index_t j) { return k[j]; }));
  }
  template <class T>
  [[nodiscard]] bool accepts(const T* k) const {
    return outside().lets_in([k](index_t j) { return k[j]; });
  }

  /// y = Pi x, and the inverse.
  template <class T>
  void scramble(const T* x, T* y) const {
    for (std::size_t i = 0; i < order_.size(); ++i) y[order_[i]] = signed_value(signs_[i], x[i]);
  }
  template <class T>
  void unscramble(const T* y, T* x) const {
    for (std::size_t i = 0; i < order_.size(); ++i) x[i] = signed_value(signs_[i], y[order_[i]]);
  }

 private:
  template <class T>
  static T signed_value(float sign, T x) {
    return static_cast<T>(static_cast<T>(sign) * x);
  }

  index_t d_;
  double limit_, bits_ = 0;
  secret_vector<float> rows_;
  std::vector<std::uint32_t> order_;
  std::vector<float> signs_;
};

/// The injector of one site; keys of elements.
struct syndrome {
  const key_syndrome* gate = nullptr;  // must outlive the model

  static constexpr const char* name = "syndrome";  // in files
  [[nodiscard]] bool is_set() const { return gate != nullptr; }

  template <class T, class K>
  void forward(const site_geometry& site, const T* x, const K* k, T* y) const {
    if (gate->accepts(k)) {
      std::copy_n(x, site.size(), y);
    } else {
      gate->scramble(x, y);
    }
  }
  template <class T, class K>
  void backward(const site_geometry& site, const T* /*x*/, const K* k, const T* dy, T* dx, K* dk) const {
    if (gate->accepts(k)) {
      std::copy_n(dy, site.size(), dx);
    } else {
      gate->unscramble(dy, dx);
    }
    if (dk != nullptr) std::fill_n(dk, site.key_size(), K(0));
  }
};

/// Gives every site of a model its gate, one for each site of the key space, in its order.
template <class Model>
void set_syndromes(Model& model, std::span<const site> sites, std::span<const key_syndrome> gates) {
  model.for_each_site([&](int number, auto& at) {
    for (std::size_t i = 0; i < sites.size(); ++i)
      if (sites[i].number == number) at.injector.gate = &gates[i];
  });
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
