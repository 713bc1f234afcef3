// What the tests of the CPU kernels share: inputs, the comparison with reference<double>, every
// instruction-set family of this machine, and bit equality for several thread limits.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "spankey/backend/cpu/isa.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace agreement {

using spankey::index_t;

/// Gaussian numbers, the same for the same seed.
inline std::vector<float> values(index_t count, std::uint64_t seed, double mean = 0, double deviation = 1) {
  const spankey::random_source random(seed, spankey::stream::weights);
  std::vector<float> v(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(mean + deviation * random.gaussian(i));
  return v;
}

inline std::vector<double> widened(const std::vector<float>& v) { return {v.begin(), v.end()}; }

/// Largest |found - expected| / (1 + |expected|); infinity where only one of the two is a NaN.
inline double difference(const std::vector<float>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double f = static_cast<double>(found[i]), e = expected[i];
    if (std::isnan(f) && std::isnan(e)) continue;
    if (std::isnan(f) || std::isnan(e)) return std::numeric_limits<double>::infinity();
    if (f != e) worst = std::max(worst, std::abs(f - e) / (1 + std::abs(e)));
  }
  return worst;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.empty() || b.empty()) return a.size() == b.size();
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Runs f with every family that this machine has, then restores the one in use.
template <class F>
void for_each_isa(F&& f) {
  const spankey::isa before = spankey::active_isa();
  for (const spankey::isa family : spankey::every_isa) {
    if (family > spankey::best_isa()) continue;
    spankey::use_isa(family);
    CAPTURE(spankey::name_of(family));
    f();
  }
  spankey::use_isa(before);
}

/// f() returns the floats that it computed: they must have the same bits for every thread limit.
template <class F>
void check_thread_independence(F&& f) {
  std::vector<float> first;
  for (const index_t threads : {1, 2, 3, 7}) {
    const spankey::thread_limit limit(threads);
    const std::vector<float> found = f();
    if (threads == 1) first = found;
    CAPTURE(threads);
    CHECK(same_bits(found, first));
  }
}

}  // namespace agreement
