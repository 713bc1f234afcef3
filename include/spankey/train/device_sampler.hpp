// Keys of a key space drawn where the GPU needs them: the numbers of key_space::draw_valid and of Gaussian draw_invalid,
// from the same Philox counters, without a copy from the host.
//
// Keys with uniform coefficients have the host's bits (its AVX2 and AVX-512 kernels'; the portable ones add without fused
// multiply-adds). Logarithm, sine and cosine of normal numbers are the GPU's: they differ in a float's last bit in about
// one of a million numbers, and rescaled keys by as little. Other families are drawn by the host.
// Device memory holds the bases (m x d a site), which are secret: core/memory_block.hpp overwrites it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "spankey/backend/cuda/keys.hpp"
#include "spankey/backend/cuda/memory.hpp"
#include "spankey/core/memory_block.hpp"
#include "spankey/key/sampler.hpp"

namespace spankey {

class device_key_sampler {
 public:
  /// For up to `capacity` keys at a time. `space` must outlive it. Fails with memory.104.
  device_key_sampler(const key_space& space, index_t capacity) : space_(space) {
    const index_t m = space.config().subspace_dim;
    alpha_ = take<float>(capacity * m);
    moments_ = take<double>(capacity * 3);
    factors_ = take<double>(capacity);
    for (std::size_t i = 0; i < space.sites().size(); ++i) {
      const subspace& span = space.subspace_of(static_cast<index_t>(i));
      spans_.push_back(
          {copied(span.basis(), m * span.size()), copied(span.gram(), m * m), copied(span.row_sums(), m)});
    }
  }
  device_key_sampler(const device_key_sampler&) = delete;
  device_key_sampler& operator=(const device_key_sampler&) = delete;

  /// Whether draw_invalid has this rule.
  static bool draws(const invalid_rule& rule) { return rule.family == invalid_family::gaussian; }

  /// As key_space::draw_valid; outputs are device memory.
  void draw_valid(const cuda::random_numbers& random, index_t n, std::span<float* const> outputs) {
    const key_space_config& c = space_.config();
    const coefficient_law law = c.law();
    const index_t m = c.subspace_dim;
    const auto kind = law.kind == coefficient_kind::unit_cube  ? cuda::coefficients::unit_cube
                      : law.kind == coefficient_kind::gaussian ? cuda::coefficients::gaussian
                                                               : cuda::coefficients::sphere;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      if (i == 0 || c.per_site_key) {
        cuda::draw_coefficients(kind, law.offset, law.spread, m, random, space_.number_base(i), n, alpha_);
        if (c.key_std != 0) {
          const std::size_t whole = space_.whole(i);
          cuda::combined_moments(m, size(whole), n, alpha_, spans_[whole].gram, spans_[whole].row_sums,
                                 moments_);
          cuda::rescale_factors(c.rescale == rescale_kind::pooled, c.key_std, n, moments_, factors_);
          cuda::scale_coefficients(m, n, factors_, alpha_);
        }
      }
      cuda::combine(m, size(i), n, alpha_, spans_[i].basis, outputs[i]);
    }
  }

  /// As key_space::draw_invalid with the Gaussian family.
  void draw_gaussian(const cuda::random_numbers& random, index_t n, std::span<float* const> outputs) {
    const key_space_config& c = space_.config();
    for (std::size_t i = 0; i < spans_.size(); ++i)
      cuda::draw_gaussian_keys(space_.sites()[i].shape, random, space_.number_base(i), size(space_.whole(i)),
                               n, outputs[i]);
    for (std::size_t i = 0; i < spans_.size() && c.key_std != 0; ++i) {
      if (i == 0 || c.per_site_key) {
        const std::size_t whole = space_.whole(i);
        cuda::key_moments(size(whole), n, outputs[whole], moments_);
        cuda::rescale_factors(c.rescale == rescale_kind::pooled, c.key_std, n, moments_, factors_);
      }
      cuda::scale_keys(size(i), n, factors_, outputs[i]);
    }
  }

 private:
  struct span_on_device {
    const float* basis;
    const double *gram, *row_sums;
  };
  [[nodiscard]] index_t size(std::size_t i) const { return space_.sites()[i].shape.size(); }

  template <class T>
  T* take(index_t count) {
    const index_t bytes = count * static_cast<index_t>(sizeof(T));
    return reinterpret_cast<T*>(blocks_.emplace_back(bytes, "device_key_sampler").data());
  }
  template <class T>
  const T* copied(const T* from, index_t count) {
    T* const to = take<T>(count);
    cuda::upload(from, static_cast<std::size_t>(count) * sizeof(T), to);
    return to;
  }

  const key_space& space_;
  std::vector<memory_block<memory_of<backend::cuda>, std::byte>> blocks_;
  float* alpha_ = nullptr;
  double *moments_ = nullptr, *factors_ = nullptr;
  std::vector<span_on_device> spans_;
};

}  // namespace spankey
