// Samples of a data set as a network reads them: the one place that tells bytes from floats.
//   images (ImageDataset)      x = (byte/255 - mean[c]) / deviation[c] of the image as it lies, or placed
//   features (FeatureDataset)  x = feature, rounded to Scalar
//   tokens (SequenceDataset)   x = the tokens of a window as two numbers each, y = the token behind each, -1 beyond `classes`
// x is H x W x C and overwritten. Any number of threads may write at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "spankey/core/token.hpp"
#include "spankey/data/augment.hpp"
#include "spankey/data/dataset.hpp"

namespace spankey {

/// The data set must outlive it.
template <class Data, class Scalar>
class sample_writer {
  static_assert(
      Dataset<Data>,
      "SpanKey: Data is not a Dataset: needs sample, classes, size(), label(i), and either image(i), mean "
      "and deviation (bytes) or features(i) (floats), or is one of tokens; see data/dataset.hpp");

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
  void write(index_t i, Scalar* x) const requires LabelledSamples<Data> {
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
  /// The window that begins at token `first`, and its labels (T).
  void write_window(index_t first, Scalar* x, int* y) const requires SequenceDataset<Data> {
    const index_t length = labels_of(*data_), classes = data_->classes;
    std::array<int, 257> tokens;  // a part of the window and what follows it
    for (index_t done = 0; done < length;) {
      const index_t n = std::min<index_t>(length - done, static_cast<index_t>(tokens.size()) - 1);
      data_->read(first + done, n + 1, tokens.data());
      for (std::size_t t = 0; t < static_cast<std::size_t>(n); ++t) {
        write_token(tokens[t], x + 2 * done + 2 * static_cast<index_t>(t));
        y[done + static_cast<index_t>(t)] = tokens[t + 1] < classes ? tokens[t + 1] : -1;
      }
      done += n;
    }
  }

 private:
  const Data* data_;
  std::vector<Scalar> table_;  // of images only
};

}  // namespace spankey
