// What backend/cpu/update.hpp declares.
#pragma once

#include <algorithm>
#include <array>
#include <numeric>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/root.hpp"
#include "spankey/backend/cpu/update.hpp"

namespace spankey::cpu {
/// Multiplied, where the formula divides.
struct adam_factors : spankey::adam_factors<float> {
  float inverse_correction;

  explicit adam_factors(const adam_update& u)
      : spankey::adam_factors<float>(u), inverse_correction(static_cast<float>(1 / u.root_correction())) {}
};
}  // namespace spankey::cpu

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/update.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey {

void update_kernels<backend::cpu, float>::sgd(const sgd_update& u, index_t count, const float* gradient,
                                              float* momentum, float* value) {
  const auto plain = SPANKEY_DISPATCH(sgd_plain);
  const auto with_momentum = SPANKEY_DISPATCH(sgd_momentum);
  cpu::for_each_block(count, cpu::block_elements, [&](index_t first, index_t n) {
    if (u.momentum == 0) {
      plain(u, n, gradient + first, value + first);
    } else {
      with_momentum(u, n, gradient + first, momentum + first, value + first);
    }
  });
}

void update_kernels<backend::cpu, float>::adam(const adam_update& u, index_t count, const float* gradient,
                                               float* first, float* second, float* value) {
  const cpu::adam_factors factors(u);
  const auto kernel = SPANKEY_DISPATCH(adam_block);
  cpu::for_each_block(count, cpu::block_elements, [&](index_t begin, index_t n) {
    kernel(factors, n, gradient + begin, first + begin, second + begin, value + begin);
  });
}

void update_kernels<backend::cpu, float>::zero(index_t count, float* x) {
  cpu::for_each_block(count, cpu::block_elements,
                      [&](index_t first, index_t n) { std::fill_n(x + first, n, 0.0F); });
}

double update_kernels<backend::cpu, float>::squared_norm(index_t count, const float* x) {
  constexpr index_t most_parts = 256;
  std::array<double, most_parts> parts;
  const index_t per_part = std::max(cpu::block_elements, (count + most_parts - 1) / most_parts);
  const index_t used = (count + per_part - 1) / per_part;
  const auto kernel = SPANKEY_DISPATCH(sum_of_squares);
  parallel_for(used, [&](index_t part) {
    const index_t first = part * per_part;
    parts[static_cast<std::size_t>(part)] = kernel(std::min(per_part, count - first), x + first);
  });
  return std::accumulate(parts.begin(), parts.begin() + used, 0.0);
}

}  // namespace spankey
