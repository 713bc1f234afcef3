// The data of a run: drawn, or read from files below --data-root or, of a user's own, where they are named.
#pragma once

#include <cstdint>

#include "run_options.hpp"
#include "spankey/data/augment.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/pixel_constants.hpp"
#include "spankey/data/text.hpp"

/// The run with what only the files of its data set say: extents, classes and, of arrays, the layout, which is printed. Reads
/// headers, labels and names of files. Fails with what reading them fails with, and with flag.149 where --sample or --classes
/// say something else.
run_options with_facts(const run_options& options);

/// The run with mean and deviation of its training images, where its data set brings none and no flag says them. Reads all of
/// the training images, and keeps them for the next load_images.
run_options with_pixel_constants(const run_options& options);

/// A part of the run's images, cut to the run's limit, with its constants; glyphs are drawn as `image` says. Fails with
/// flag.115 for a data set of features, flag.150 where they are no `image` or not of `classes` classes.
spankey::image_dataset load_images(const run_options& options, spankey::split part,
                                   const spankey::extents& image, spankey::index_t classes);

/// What makes numbers of the run's pixels: --mean and --deviation, or those of its data set; empty for features.
spankey::pixel_constants pixels_of(const run_options& options);

/// A part of the run's features, cut to the run's limit. Fails with flag.115 for a data set of images, flag.150 where they
/// are not `features` or not of `classes` classes.
spankey::feature_dataset load_features(const run_options& options, spankey::split part,
                                       const spankey::extents& features, spankey::index_t classes);

/// A part of the run's text in windows of so many tokens. The run's limit is a number of windows, of drawn text one of sentences
/// (20,000 and 2,000 where there is none). Files lie where --text says, or below --data-root. Fails with data.2xx, and
/// with flag.115 for a data set of images or features.
spankey::text_dataset load_text(const run_options& options, spankey::split part, spankey::index_t length);

/// n samples of noise, labelled in turn: for measurements.
spankey::image_dataset drawn_images(spankey::index_t n, std::uint64_t seed, const spankey::extents& shape,
                                    spankey::index_t classes);

spankey::feature_dataset drawn_features(spankey::index_t n, std::uint64_t seed, const spankey::extents& shape,
                                        spankey::index_t classes);

/// n windows of drawn text: for measurements.
spankey::text_dataset drawn_text(spankey::index_t n, std::uint64_t seed, spankey::index_t length);

/// CRC-32 of all samples and labels: a run goes on with the data that it began with.
std::uint32_t checksum_of(const spankey::image_dataset& data);
std::uint32_t checksum_of(const spankey::feature_dataset& data);
/// Of all tokens.
std::uint32_t checksum_of(const spankey::text_dataset& data);

/// What the published recipe does to the training images of this data set; nothing to a user's own.
spankey::augmentation augmentation_of(const run_options& options);
/// What --augment says. Fails with flag.153.
spankey::augmentation augmentation_named(const std::string& text);
