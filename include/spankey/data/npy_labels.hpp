// Labels from a .npy array: whole numbers of any type, of shape (N,) or (N, 1).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <type_traits>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/npy.hpp"

namespace spankey {

/// Reads the labels of `samples` samples (0: of as many as there are), from 0 to classes - 1 (0: to whatever is the
/// largest). Errors: those of read_npy, data.176 another shape, data.177 a label out of range or a type of fractions.
inline std::vector<class_label> read_npy_labels(const std::filesystem::path& file, index_t samples,
                                                index_t classes, byte_opener open = open_file) {
  const npy_array array = read_npy(file, open);
  const bool is_column = array.shape.size() == 2 && array.shape[1] == 1;
  if ((array.shape.size() != 1 && !is_column) || (samples != 0 && array.shape[0] != samples)) {
    if (samples != 0)
      fail("data.176", file.string(), "expected one dimension of ", samples, " labels, found ",
           array.shape.size(), " dimensions and ", array.count(), " elements");
    fail("data.176", file.string(), "expected one dimension of labels, found ", array.shape.size());
  }
  const index_t end = classes > 0 ? classes : most_classes;
  std::vector<class_label> labels(static_cast<std::size_t>(array.count()));
  for_each_element(array, [&](index_t i, auto value) {
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      fail("data.177", file.string(),
           "expected labels of a type of whole numbers, found a type of fractions");
    } else {
      if (std::cmp_less(value, 0) || std::cmp_greater_equal(value, end))
        fail("data.177", file.string(), "element ", i, ": expected a label of 0 to ", end - 1, ", found ",
             value);
      labels[static_cast<std::size_t>(i)] = static_cast<class_label>(value);
    }
  });
  return labels;
}

/// One more than the largest label; 0 where there is none.
inline index_t classes_in(const std::vector<class_label>& labels) {
  const auto largest = std::max_element(labels.begin(), labels.end());
  return largest == labels.end() ? 0 : index_t{*largest} + 1;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
