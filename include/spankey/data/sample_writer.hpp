// Samples of a data set as a network reads them: the one place that tells bytes from floats.
//   images (ImageDataset)      x = (byte/255 - mean[c]) / deviation[c] of the image as it lies, or placed
//   features (FeatureDataset)  x = feature, rounded to Scalar
// x is H x W x C and overwritten. Any number of threads may write at once.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "spankey/data/augment.hpp"
#include "spankey/data/dataset.hpp"

namespace spankey {

/// The data set must outlive it.
template <class Data, class Scalar>
class sample_writer {
  static_assert(
      Dataset<Data>,
      "SpanKey: Data is not a Dataset: needs sample, classes, size(), label(i), and either image(i), mean "
      "and deviation (bytes) or features(i) (floats); see data/dataset.hpp");

 public:
  /// Errors: those of require_usable.
  sample_writer(const Data& data, std::string_view where) : data_(&data) {
    require_usable(data, where);
    if constexpr (ImageDataset<Data>) {
      table_ = normalisation_table<Scalar>(std::span<const float>(data.mean),
                                           std::span<const float>(data.deviation));
    }
  }

  sample_writer(const Data&&, std::string_view) = delete;

  /// Sample i as it is.
  void write(index_t i, Scalar* x) const {
    if constexpr (ImageDataset<Data>) {
      write(i, image_placement{}, x);
    } else {
      const float* features = data_->features(i);
      const index_t size = extents(data_->sample).size();
      for (index_t j = 0; j < size; ++j) x[j] = static_cast<Scalar>(features[j]);
    }
  }
  /// Image i, placed.
  void write(index_t i, const image_placement& place, Scalar* x) const requires ImageDataset<Data> {
    write_image(data_->image(i), data_->sample, place, table_.data(), x);
  }

 private:
  const Data* data_;
  std::vector<Scalar> table_;  // of images only
};

}  // namespace spankey
