// A training and a test part of samples that come without: of each class, in an order that a seed shuffles, the last fifth
// (at least one sample, of a class of two or more) is the test part. Within a part samples keep their order.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/dataset.hpp"

namespace spankey {

/// Which of the samples of class `number` are the test's.
inline std::vector<bool> test_share(std::size_t samples, std::uint64_t seed, std::size_t number) {
  std::vector<bool> in_test(samples, false);
  if (samples < 2) return in_test;
  std::vector<std::size_t> order(samples);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const random_source source(seed, stream::split, number);
  for (std::size_t i = samples - 1; i > 0; --i)
    std::swap(order[i], order[source.below(i, static_cast<std::uint32_t>(i + 1))]);
  for (std::size_t i = samples - std::max<std::size_t>(1, samples / 5); i < samples; ++i)
    in_test[order[i]] = true;
  return in_test;
}

/// A part of a data set that owns its samples. Errors: those of require_whole.
template <class Data>
[[nodiscard]] Data part_of(Data data, split part, std::uint64_t seed = 0) {
  require_whole(data, data.name);
  std::vector<std::size_t> counts(static_cast<std::size_t>(data.classes), 0);
  for (const class_label label : data.labels) ++counts.at(label);
  std::vector<std::vector<bool>> in_test;
  for (std::size_t c = 0; c < counts.size(); ++c) in_test.push_back(test_share(counts[c], seed, c));
  std::fill(counts.begin(), counts.end(), std::size_t{0});
  auto& elements = data.memory();
  const auto size = static_cast<std::size_t>(data.sample.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    const class_label label = data.labels[i];
    if (in_test[label][counts[label]++] != (part == split::test)) continue;
    data.labels[kept] = label;
    std::copy_n(elements.begin() + static_cast<std::ptrdiff_t>(i * size), size,
                elements.begin() + static_cast<std::ptrdiff_t>(kept++ * size));
  }
  data.labels.resize(kept);
  elements.resize(kept * size);
  return data;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
