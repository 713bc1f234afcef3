// A few samples of a data set, drawn without replacement: what an attacker has. A view; the set must outlive it.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/data/dataset.hpp"

namespace spankey {

template <class Data>
class chosen_samples {
 public:
  std::string name;
  extents sample;
  index_t classes;
  std::span<const float> mean{}, deviation{};  // of images

  /// `count` of them. Fails with data.105 unless 1 <= count <= data.size().
  chosen_samples(const Data& data, index_t count, std::uint64_t seed)
      : name(data.name), sample(data.sample), classes(data.classes), data_(data) {
    if (count < 1 || count > data.size())
      fail("data.105", data.name, "asked for ", count, " samples, expected 1 to ", data.size());
    if constexpr (ImageDataset<Data>) mean = data.mean, deviation = data.deviation;
    // The `count` smallest of as many drawn numbers as there are samples; equal ones in the samples' order.
    const random_source drawn(seed, stream::attack);
    std::vector<std::pair<double, index_t>> order(static_cast<std::size_t>(data.size()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = {drawn.uniform(i), static_cast<index_t>(i)};
    std::nth_element(order.begin(), order.begin() + (count - 1), order.end());
    order.resize(static_cast<std::size_t>(count));
    for (const auto& [number, index] : order) chosen_.push_back(index);
    std::sort(chosen_.begin(), chosen_.end());
  }

  [[nodiscard]] index_t size() const { return static_cast<index_t>(chosen_.size()); }
  [[nodiscard]] int label(index_t i) const { return data_.label(at(i)); }
  [[nodiscard]] const std::uint8_t* image(index_t i) const requires ImageDataset<Data> {
    return data_.image(at(i));
  }
  [[nodiscard]] const float* features(index_t i) const requires FeatureDataset<Data> {
    return data_.features(at(i));
  }

 private:
  [[nodiscard]] index_t at(index_t i) const { return chosen_[static_cast<std::size_t>(i)]; }

  const Data& data_;
  std::vector<index_t> chosen_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
