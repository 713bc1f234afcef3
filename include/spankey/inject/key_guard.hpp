// Which keys a site lets in, beside what its injector does with them, and what it puts out for all others.
//
//   let in          y = injector(x, k)
//   refused, none   y = refuse(x), whatever the injector is
// A site of a network has one or none (key_site::guard). Asked on the host, sample by sample.
#pragma once

#include "spankey/backend/backend.hpp"
#include "spankey/core/bf16.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

template <class T>
class key_guard {
 public:
  using master = master_t<T>;

  key_guard() = default;
  key_guard(const key_guard&) = delete;
  key_guard& operator=(const key_guard&) = delete;
  virtual ~key_guard() = default;

  /// Of a key of the site, in memory order.
  [[nodiscard]] virtual bool lets_in(const master* key) const = 0;
  /// y of one sample; x and y do not overlap.
  virtual void refuse(const T* x, T* y) const = 0;
  /// dx of that sample in place of its dy.
  virtual void refuse_back(T* dy) = 0;
  /// Rows that tell sessions the same (key/energy_outside.hpp), in memory order: their numbers, how many, and the limit.
  struct rows {
    const float* values = nullptr;
    index_t count = 0;
    double limit = 0;
  };
  [[nodiscard]] virtual rows tells_by() const = 0;

  /// For n samples of `size` elements: let_in(first element, the sample's key) or refused(first element). Without data in
  /// `keys` nobody is let in.
  template <class LetIn, class Refused>
  void for_each(index_t n, index_t size, const key_view<const master>& keys, const LetIn& let_in,
                const Refused& refused) const {
    for (index_t i = 0; i < n; ++i) {
      if (keys.data != nullptr && lets_in(keys.data + i * keys.stride)) {
        let_in(i * size, key_view<const master>{keys.data + i * keys.stride, 0});
      } else {
        refused(i * size);
      }
    }
  }
};

}  // namespace spankey
