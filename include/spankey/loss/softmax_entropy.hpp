// Entropy of a softmax in nats: p = softmax(z),  H = -sum_c p_c log p_c,  dH/dz_c = -p_c (log p_c + H).
// One row of K logits. log p_c is z_c - log sum exp z, so a small p_c keeps its logarithm; NaN and infinite logits
// give NaN.
#pragma once

#include <cmath>

#include "spankey/core/host_device.hpp"
#include "spankey/loss/cross_entropy_row.hpp"

namespace spankey {

/// Reads the row while it lives.
template <class T>
class softmax_entropy {
 public:
  SPANKEY_HOST_DEVICE softmax_entropy(const T* z, index_t count) : z_(z), norm_(log_sum_exp(z, count)) {
    for (index_t c = 0; c < count; ++c) value_ -= std::exp(log_probability(c)) * log_probability(c);
  }
  SPANKEY_HOST_DEVICE [[nodiscard]] double value() const { return value_; }
  /// dH/dz_c.
  SPANKEY_HOST_DEVICE [[nodiscard]] double gradient(index_t c) const {
    return -std::exp(log_probability(c)) * (log_probability(c) + value_);
  }

 private:
  SPANKEY_HOST_DEVICE [[nodiscard]] double log_probability(index_t c) const {
    return static_cast<double>(z_[c]) - norm_;
  }

  const T* z_;
  double norm_, value_ = 0;
};

}  // namespace spankey
