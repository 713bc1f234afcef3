// Keys that a key space drew, and what the tests of the sampler measure about them.
#pragma once

#include <cmath>
#include <vector>

#include "spankey/key/sampler.hpp"

namespace drawn_keys {
using namespace spankey;

inline const std::vector<site> three_sites{{0, {3, 16, 16}}, {2, {32, 8, 8}}, {4, {64, 2, 2}}};

// Keys of all sites, and the pointers that the sampler wants.
struct keys {
  keys(std::span<const site> sites, index_t n) {
    for (const site& s : sites) values.emplace_back(static_cast<std::size_t>(n * s.shape.size()), -77.0F);
    for (auto& v : values) outputs.push_back(v.data());
  }
  const float* row(std::size_t i, index_t sample, index_t d) const { return values[i].data() + sample * d; }
  std::vector<std::vector<float>> values;
  std::vector<float*> outputs;
};

inline keys valid(key_space& space, index_t n, std::uint64_t step = 0) {
  keys k(space.sites(), n);
  space.draw_valid(random_source(1, stream::coefficients, step), n, k.outputs);
  return k;
}
inline keys invalid(key_space& space, const invalid_rule& rule, index_t n, std::uint64_t step = 0) {
  keys k(space.sites(), n);
  space.draw_invalid(rule, random_source(1, stream::invalid_keys, step), n, k.outputs);
  return k;
}

inline key_space_config arranged(bool per_site_key, bool per_site_basis) {
  key_space_config c;
  c.subspace_dim = 8;
  c.per_site_key = per_site_key;
  c.per_site_basis = per_site_basis;
  c.seed = 42;
  return c;
}
inline const std::vector<key_space_config> arrangements{arranged(false, false), arranged(true, false),
                                                        arranged(true, true)};

inline double dot(const float* a, const float* b, index_t d) {
  double sum = 0;
  for (index_t i = 0; i < d; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}
inline double cosine(const float* a, const float* b, index_t d) {
  return dot(a, b, d) / std::sqrt(dot(a, a, d) * dot(b, b, d));
}
inline double plain_std(const float* x, index_t n) {
  double mean = 0, squares = 0;
  for (index_t i = 0; i < n; ++i) mean += static_cast<double>(x[i]) / static_cast<double>(n);
  for (index_t i = 0; i < n; ++i) {
    squares += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
  }
  return std::sqrt(squares / static_cast<double>(n - 1));
}
inline std::vector<float> in_file_order(const extents& e, const float* key) {
  std::vector<float> file(static_cast<std::size_t>(e.size()));
  for (index_t i = 0; i < e.size(); ++i) file[static_cast<std::size_t>(file_index(e, i))] = key[i];
  return file;
}

}  // namespace drawn_keys
