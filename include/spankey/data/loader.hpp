// Batches of a data set: seeded order, augmentation and normalisation of images.
//
// fill(epoch, step, x, y) overwrites x (N x H x W x C) and y (N, or N x T of sequences) with a pure function of the data,
// options, epoch and step: a run continues anywhere, with the same bits for any number of threads.
// The order of an epoch is a Fisher-Yates shuffle of 0..size-1 by the numbers of (seed, shuffle, epoch), computed when the
// epoch is first asked for and kept; within an epoch nothing is allocated.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/bf16.hpp"
#include "spankey/core/compiled.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/augment.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/sample_writer.hpp"

namespace spankey {

/// What happens to the samples left over when the size is not a multiple of the batch.
enum class last_batch { keep, drop };

/// How a loader walks its data set. evaluation_order() is the other common choice.
struct loader_options {
  index_t batch = 128;
  std::uint64_t seed = 0;
  bool shuffle = true;
  augmentation augment{};
  last_batch last = last_batch::keep;
};

/// File order, no augmentation, every sample once.
constexpr loader_options evaluation_order(index_t batch) {
  return {batch, 0, false, augmentation{}, last_batch::keep};
}

/// Reads `Data` in batches. The data set must outlive the loader. fill() is for one caller at a time; it uses
/// all threads itself.
template <class Data, class Scalar = float>
class loader {
 public:
  /// Errors: data.101 to data.107 (the data set, see require_usable), data.121 batch, data.122, data.126 and
  /// data.127 augmentation, data.128 any augmentation of features, data.123 fewer samples than one batch where the
  /// last batch is dropped.
  loader(const Data& data, const loader_options& options);
  loader(const Data&&, const loader_options&) = delete;

  [[nodiscard]] const loader_options& options() const { return options_; }
  /// Samples in the data set.
  [[nodiscard]] index_t size() const { return static_cast<index_t>(data_->size()); }
  [[nodiscard]] index_t steps_per_epoch() const {
    const index_t whole = size() / options_.batch;
    return options_.last == last_batch::keep && size() % options_.batch != 0 ? whole + 1 : whole;
  }
  /// Samples that fill(epoch, step, ...) writes: the batch, or what is left of the data set at the last step.
  [[nodiscard]] index_t samples_at(index_t step) const {
    return std::min(options_.batch, size() - step * options_.batch);
  }

  /// The data set's sample numbers in the order of `epoch`. Errors: data.124.
  const std::vector<index_t>& order(index_t epoch);

  /// Overwrites x (batch x H x W x C) and y (batch, or batch x T) with batch `step` of `epoch`; returns the samples
  /// written. Rows behind a partial last batch keep what they held. Errors: data.124 epoch, data.125 step.
  index_t fill(index_t epoch, index_t step, Scalar* x, int* y) {
    return fill(epoch, step, 0, samples_at(step), x, y);
  }
  /// Of that batch the samples first, first + 1, ..., `count` of them, which it has.
  index_t fill(index_t epoch, index_t step, index_t first, index_t count, Scalar* x, int* y);

 private:
  const Data* data_;
  loader_options options_;
  sample_writer<Data, Scalar> writer_;
  std::vector<index_t> order_;
  index_t ordered_epoch_ = -1;
};

template <class Data, class Scalar>
loader<Data, Scalar>::loader(const Data& data, const loader_options& options)
    : data_(&data), options_(options), writer_(data, "loader") {
  if (options.batch < 1) fail("data.121", "loader", "found batch ", options.batch, ", expected at least 1");
  if constexpr (ImageDataset<Data>) {
    require_augmentation(options.augment, data.sample, "loader");
  } else if (options.augment != augmentation{}) {
    fail("data.128", "loader", "found an augmentation of a data set of features, expected augmentation{}");
  }
  if (steps_per_epoch() < 1) {
    fail("data.123", "loader", "found ", size(),
         " samples with the last partial batch dropped, expected at least ", options.batch, " (one batch)");
  }
  order_.resize(static_cast<std::size_t>(size()));
  std::iota(order_.begin(), order_.end(), index_t{0});
}

template <class Data, class Scalar>
const std::vector<index_t>& loader<Data, Scalar>::order(index_t epoch) {
  if (epoch < 0 || epoch > index_t{0x7FFFFFFF}) {
    fail("data.124", "loader", "found epoch ", epoch, ", expected 0 to ", index_t{0x7FFFFFFF});
  }
  if (options_.shuffle && epoch != ordered_epoch_) {
    std::iota(order_.begin(), order_.end(), index_t{0});
    const random_source source(options_.seed, stream::shuffle, static_cast<std::uint64_t>(epoch));
    for (std::size_t i = order_.size() - 1; i > 0; --i) {
      std::swap(order_[i], order_[source.below(i, static_cast<std::uint32_t>(i + 1))]);
    }
    ordered_epoch_ = epoch;
  }
  return order_;
}

template <class Data, class Scalar>
index_t loader<Data, Scalar>::fill(index_t epoch, index_t step, index_t first, index_t count, Scalar* x,
                                   int* y) {
  if (step < 0 || step >= steps_per_epoch()) {
    fail("data.125", "loader", "found step ", step, ", expected 0 to ", steps_per_epoch() - 1);
  }
  const index_t* numbers = order(epoch).data() + step * options_.batch + first;
  const extents sample = data_->sample;
  parallel_for(count, [&](index_t n) {
    const index_t i = numbers[n];
    if constexpr (SequenceDataset<Data>) {
      const index_t begin =
          options_.shuffle ? data_->drawn_window(options_.seed, epoch, i) : data_->window(i);
      writer_.write_window(begin, x + n * sample.size(), y + n * labels_of(*data_));
    } else if constexpr (ImageDataset<Data>) {
      writer_.write(i, place_image(options_.augment, sample, options_.seed, epoch, i), x + n * sample.size());
    } else {
      writer_.write(i, x + n * sample.size());
    }
    if constexpr (LabelledSamples<Data>) y[n] = static_cast<int>(data_->label(i));
  });
  return count;
}

#if defined(SPANKEY_COMPILED)
extern template class loader<image_dataset, float>;
extern template class loader<image_dataset, bf16>;
#endif

}  // namespace spankey
