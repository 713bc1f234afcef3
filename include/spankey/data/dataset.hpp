// Labelled samples: what the loader reads, and the concepts that a data set of your own has to meet.
//
// Images: pixels are bytes, channels last, H x W x C an image: byte (h, w, c) of image i is
//   image(i)[(h*W + w)*C + c]
// A network sees x = (pixel/255 - mean[c]) / deviation[c], with the constants of the training set.
// Features: a network sees the floats features(i)[0] to features(i)[H*W*C - 1] as they are.
// Labels run from 0 to classes - 1; there are 2 to 65,535 classes.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// The two parts of a data set. They share no sample.
enum class split { train, test };

/// A label in memory.
using class_label = std::uint16_t;
inline constexpr index_t most_classes = std::numeric_limits<class_label>::max();

/// What every data set has: sample (extents), classes, size(), label(i).
template <class Data>
concept LabelledSamples = requires(const Data& data, index_t i) {
  { data.sample } -> std::convertible_to<extents>;
  { data.classes } -> std::convertible_to<index_t>;
  { data.size() } -> std::convertible_to<index_t>;
  { data.label(i) } -> std::convertible_to<int>;
};

/// Images of bytes: also image(i) (H x W x C bytes), and mean and deviation of pixel/255, one a channel.
template <class Data>
concept ImageDataset = LabelledSamples<Data> && requires(const Data& data, index_t i) {
  { data.image(i) } -> std::convertible_to<const std::uint8_t*>;
  std::span<const float>(data.mean);
  std::span<const float>(data.deviation);
};

/// Vectors of floats: also features(i) (H x W x C floats).
template <class Data>
concept FeatureDataset = LabelledSamples<Data> && requires(const Data& data, index_t i) {
  { data.features(i) } -> std::convertible_to<const float*>;
};

/// Windows of T tokens, sample {2, T, 1} (core/token.hpp), each with a label for every token: the one behind it. Of numbers below
/// `classes` a label is one; others do not count. size(): windows side by side; window(i): the first token of one, and
/// drawn_window(seed, epoch, i) of one that training reads; read(first, count, to): the tokens.
template <class Data>
concept SequenceDataset = requires(const Data& data, index_t i, std::uint64_t seed, int* to) {
  { data.sample } -> std::convertible_to<extents>;
  { data.classes } -> std::convertible_to<index_t>;
  { data.size() } -> std::convertible_to<index_t>;
  { data.window(i) } -> std::convertible_to<index_t>;
  { data.drawn_window(seed, i, i) } -> std::convertible_to<index_t>;
  data.read(i, i, to);
};

/// What a loader needs. Any number of threads may read at once. What is both is read as images.
template <class Data>
concept Dataset = ImageDataset<Data> || FeatureDataset<Data> || SequenceDataset<Data>;

/// Labels of one sample.
template <class Data>
constexpr index_t labels_of(const Data& data) {
  if constexpr (SequenceDataset<Data>) return extents(data.sample).height;
  return 1;
}

/// A data set that owns its images: N x H x W x C bytes and N labels.
struct image_dataset {
  std::string name;
  extents sample;
  index_t classes = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<class_label> labels;
  std::vector<float> mean, deviation;  // of pixel/255, one a channel

  [[nodiscard]] index_t size() const { return static_cast<index_t>(labels.size()); }
  /// Elements that the images have in memory; size() * sample.size() where labels and images belong together.
  [[nodiscard]] std::size_t elements() const { return pixels.size(); }
  [[nodiscard]] std::vector<std::uint8_t>& memory() { return pixels; }
  /// First byte of image i, 0 <= i < size().
  [[nodiscard]] const std::uint8_t* image(index_t i) const { return pixels.data() + i * sample.size(); }
  [[nodiscard]] int label(index_t i) const { return labels[static_cast<std::size_t>(i)]; }
};

static_assert(ImageDataset<image_dataset>);

/// A data set that owns its features: N x H x W x C floats and N labels.
struct feature_dataset {
  std::string name;
  extents sample;
  index_t classes = 0;
  std::vector<float> values;
  std::vector<class_label> labels;

  [[nodiscard]] index_t size() const { return static_cast<index_t>(labels.size()); }
  /// Elements that the samples have in memory; size() * sample.size() where labels and samples belong together.
  [[nodiscard]] std::size_t elements() const { return values.size(); }
  [[nodiscard]] std::vector<float>& memory() { return values; }
  /// First feature of sample i, 0 <= i < size().
  [[nodiscard]] const float* features(index_t i) const { return values.data() + i * sample.size(); }
  [[nodiscard]] int label(index_t i) const { return labels[static_cast<std::size_t>(i)]; }
};

static_assert(FeatureDataset<feature_dataset>);

/// Looks at the numbers of a data set before anything of it is read; of sequences, at the extents alone. Errors: data.101 no samples, data.102 extents or
/// number of classes, data.107 samples that are not as many, or not as large, as labels and extents say. A data set of
/// your own that keeps its samples in memory says with elements() how much it has; one without is trusted.
template <class Data>
requires LabelledSamples<Data> || SequenceDataset<Data>
void require_whole(const Data& data, std::string_view where) {
  const index_t size = data.size(), classes = data.classes;
  const extents sample = data.sample;
  if (size < 1) fail("data.101", where, "found an empty data set, expected at least 1 sample");
  if (sample.channels < 1 || sample.height < 1 || sample.width < 1) {
    fail("data.102", where, "found samples of C=", sample.channels, " H=", sample.height, " W=", sample.width,
         ", expected every one to be at least 1");
  }
  if (classes < 2 || classes > most_classes)
    fail("data.102", where, "found ", classes, " classes, expected 2 to ", most_classes);
  // So large that no memory holds one: a product of extents must not wrap around.
  constexpr index_t most = std::numeric_limits<index_t>::max();
  if (sample.channels > most / sample.height || sample.channels * sample.height > most / sample.width) {
    fail("data.102", where, "found samples of C=", sample.channels, " H=", sample.height, " W=", sample.width,
         ", expected a size that memory can hold");
  }
  if constexpr (requires {
                  { data.elements() } -> std::convertible_to<std::size_t>;
                }) {
    const auto found = static_cast<std::size_t>(data.elements()),
               one = static_cast<std::size_t>(sample.size());
    if (found % one != 0 || found / one != static_cast<std::size_t>(size)) {
      fail("data.107", where, "found ", found, " elements and ", size, " labels, expected ", one,
           " elements (C=", sample.channels, " H=", sample.height, " W=", sample.width, ") for each label");
    }
  }
}

/// The first n samples of a set that owns them. Errors: those of require_whole, data.105 unless 1 <= n <= size().
template <class Data>
[[nodiscard]] Data take_first(Data data, index_t n) {
  require_whole(data, data.name);
  if (n < 1 || n > data.size()) {
    fail("data.105", data.name, "asked for the first ", n, " samples, expected 1 to ", data.size());
  }
  data.memory().resize(static_cast<std::size_t>(n * data.sample.size()));
  data.labels.resize(static_cast<std::size_t>(n));
  data.memory().shrink_to_fit();  // a small part of a large set should not hold the large set's memory
  data.labels.shrink_to_fit();
  return data;
}

/// Looks at everything that a loader relies on. Errors: those of require_whole, data.103 normalisation constants,
/// data.104 a label out of range, data.106 a feature that is not finite.
template <Dataset Data>
void require_usable(const Data& data, std::string_view where) {
  require_whole(data, where);
  const index_t size = data.size(), classes = data.classes;
  const extents sample = data.sample;
  if constexpr (ImageDataset<Data>) {
    const std::span<const float> mean(data.mean), deviation(data.deviation);
    const auto channels = static_cast<std::size_t>(sample.channels);
    if (mean.size() != channels || deviation.size() != channels) {
      fail("data.103", where, "found ", mean.size(), " means and ", deviation.size(),
           " deviations, expected one for each of C=", channels, " channels");
    }
    for (std::size_t c = 0; c < channels; ++c) {
      if (!is_finite(deviation[c]) || deviation[c] <= 0) {
        fail("data.103", where, "found deviation ", deviation[c], " of channel ", c,
             ", expected more than 0, and finite");
      }
      if (!is_finite(mean[c]))
        fail("data.103", where, "found mean ", mean[c], " of channel ", c, ", expected a finite number");
    }
  } else if constexpr (FeatureDataset<Data>) {
    for (index_t i = 0; i < size; ++i) {
      const float* features = data.features(i);
      for (index_t j = 0; j < sample.size(); ++j) {
        if (!is_finite(features[j])) {
          fail("data.106", where, "found ", features[j], " as feature ", j, " of sample ", i,
               ", expected a finite number");
        }
      }
    }
  }
  if constexpr (LabelledSamples<Data>) {
    for (index_t i = 0; i < size; ++i) {
      const int label = data.label(i);
      if (label < 0 || label >= classes) {
        fail("data.104", where, "found label ", label, " of sample ", i, ", expected 0 to ", classes - 1);
      }
    }
  }
}

}  // namespace spankey
