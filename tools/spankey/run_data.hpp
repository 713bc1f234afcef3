// The data sets that a run can name: glyphs and linear are drawn, the others are read below --data-root, or from it.
#pragma once

#include <cstdint>

#include "run_options.hpp"
#include "spankey/data/augment.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/pixel_constants.hpp"

/// cifar10, mnist or fashion-mnist, or glyphs drawn as `image` says; cut to the run's limit. Fails with flag.115 for a data
/// set of features.
spankey::image_dataset load_images(const run_options& options, spankey::split part,
                                   const spankey::extents& image);

/// What makes numbers of the run's pixels: --mean and --deviation, or those of its data set; empty for features.
spankey::pixel_constants pixels_of(const run_options& options);

/// linear, of the run's size. Fails with flag.115 for a data set of images.
spankey::feature_dataset load_features(const run_options& options, spankey::split part);

/// n images of noise, labelled in turn with 10 classes: for measurements.
spankey::image_dataset drawn_images(spankey::index_t n, std::uint64_t seed, const spankey::extents& shape);

/// CRC-32 of all samples and labels: a run goes on with the data that it began with.
std::uint32_t checksum_of(const spankey::image_dataset& data);
std::uint32_t checksum_of(const spankey::feature_dataset& data);

/// What the published recipe does to the training images of this data set.
spankey::augmentation augmentation_of(const run_options& options);
