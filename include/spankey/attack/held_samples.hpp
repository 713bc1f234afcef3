// Labelled samples in memory, as a network reads them: what an attacker has, or what a game is decided on. A data set of features,
// whatever they were before.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/sample_writer.hpp"

namespace spankey {

struct held_samples {
  std::string name;
  extents sample;
  index_t classes = 0;
  std::vector<float> x;  // size() samples, channels last
  std::vector<int> labels;

  [[nodiscard]] index_t size() const { return static_cast<index_t>(labels.size()); }
  [[nodiscard]] int label(index_t i) const { return labels[static_cast<std::size_t>(i)]; }
  /// First element of sample i, 0 <= i < size().
  [[nodiscard]] const float* features(index_t i) const { return x.data() + i * sample.size(); }

  /// The first `count`, at most all of them.
  [[nodiscard]] held_samples first(index_t count) const {
    held_samples part{name, sample, classes, {}, {}};
    const index_t n = std::min(count, size());
    part.x.assign(x.begin(), x.begin() + n * sample.size());
    part.labels.assign(labels.begin(), labels.begin() + n);
    return part;
  }
};

static_assert(FeatureDataset<held_samples>);

/// `count` samples from `first` on, without augmentation. Fails with data.105 unless 1 <= count <= data.size() - first, and
/// as require_usable does.
template <class Data>
held_samples hold(const Data& data, index_t first, index_t count) {
  const sample_writer<Data, float> writer(data, "held_samples");
  if (first < 0 || count < 1 || count > data.size() - first)
    fail("data.105", data.name, "asked for ", count, " samples from ", first, " on, expected 1 to ",
         data.size() - first);
  held_samples held{data.name, data.sample, data.classes, {}, {}};
  held.x.resize(static_cast<std::size_t>(count * held.sample.size()));
  for (index_t i = 0; i < count; ++i) {
    writer.write(first + i, held.x.data() + i * held.sample.size());
    held.labels.push_back(data.label(first + i));
  }
  return held;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
