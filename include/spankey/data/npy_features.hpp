// A data set of features from two .npy arrays: samples and their labels.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/npy.hpp"
#include "spankey/data/npy_labels.hpp"

namespace spankey {

/// x of N samples, (N, C), (N, C, H) or (N, C, H, W), of any type; y of N whole numbers from 0 to classes - 1 (0: to
/// whatever is the largest). The features are what the network sees. Errors: those of read_npy and read_npy_labels,
/// data.176 another shape, data.178 a feature that is no finite float.
inline feature_dataset load_npy_features(const std::filesystem::path& x, const std::filesystem::path& y,
                                         index_t classes, byte_opener open = open_file) {
  const npy_array features = read_npy(x, open);
  const auto extent = [&](std::size_t axis) {
    return axis < features.shape.size() ? features.shape[axis] : index_t{1};
  };
  if (features.shape.size() < 2 || features.shape.size() > 4 || features.count() < 1)
    fail("data.176", x.string(), "expected samples and their features in 2 to 4 dimensions, found ",
         features.shape.size(), " dimensions and ", features.count(), " elements");
  feature_dataset data;
  data.name = "npy";
  data.sample = {extent(1), extent(2), extent(3)};
  data.labels = read_npy_labels(y, features.shape[0], classes, open);
  data.classes = classes > 0 ? classes : classes_in(data.labels);
  data.values.resize(static_cast<std::size_t>(features.count()));
  for_each_element(features, [&](index_t i, auto value) {
    const auto wide = static_cast<double>(value);
    if (!is_finite(wide) || std::abs(wide) > static_cast<double>(std::numeric_limits<float>::max()))
      fail("data.178", x.string(), "element ", i, ": expected a finite float, found ", wide);
    const index_t size = data.sample.size();  // from (C, H, W) to (H, W, C)
    data.values[static_cast<std::size_t>(i / size * size + memory_index(data.sample, i % size))] =
        static_cast<float>(value);
  });
  return data;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
