// What the tests of the CPU kernels share: inputs, the comparison with reference<double>, every
// instruction-set family of this machine, and bit equality for several thread limits.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "spankey/backend/cpu/isa.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/bf16.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace agreement {

using spankey::index_t;

/// Gaussian numbers, the same for the same seed.
template <class T = float>
std::vector<T> values(index_t count, std::uint64_t seed, double mean = 0, double deviation = 1) {
  const spankey::random_source random(seed, spankey::stream::weights);
  std::vector<T> v(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<T>(mean + deviation * random.gaussian(i));
  return v;
}

template <class T>
std::vector<double> widened(const std::vector<T>& v) {
  return {v.begin(), v.end()};
}

/// float or bf16 as float: exact.
template <class T>
std::vector<float> floats(const std::vector<T>& v) {
  return {v.begin(), v.end()};
}

template <class T>
std::vector<T> rounded(const std::vector<float>& v) {
  std::vector<T> result;
  for (const float x : v) result.push_back(static_cast<T>(x));
  return result;
}

inline double distance(float found, double expected) {
  return std::abs(static_cast<double>(found) - expected);
}

/// How far `expected` lies from the numbers that round to `found`: a kernel's own error, without the one rounding
/// that storing costs. So one tolerance serves float and bf16.
inline double distance(spankey::bf16 found, double expected) {
  const auto magnitude = [](int bits) {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(std::abs(bits)) << 16)) *
           (bits < 0 ? -1.0 : 1.0);
  };
  const int bits = found.bits & 0x7FFF;
  if (found.bits != bits) expected = -expected;
  const double lowest = (magnitude(bits - 1) + magnitude(bits)) / 2;
  const double highest = (magnitude(bits) + magnitude(bits + 1)) / 2;
  return std::max({0.0, lowest - expected, expected - highest});
}

/// Largest distance(found, expected) / (1 + |expected|); infinity where only one of the two is a NaN.
template <class T>
double difference(const std::vector<T>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double f = static_cast<double>(found[i]), e = expected[i];
    if (std::isnan(f) && std::isnan(e)) continue;
    if (std::isnan(f) || std::isnan(e)) return std::numeric_limits<double>::infinity();
    if (f != e) worst = std::max(worst, distance(found[i], e) / (1 + std::abs(e)));
  }
  return worst;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.empty() || b.empty()) return a.size() == b.size();
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
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
