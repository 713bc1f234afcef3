// A user's own data: arrays of NumPy and folders of pictures.
#pragma once

#include "data_sets.hpp"
#include "run_options.hpp"
#include "spankey/data/dataset.hpp"

/// A run whose --data is npy or folder, with the extents, classes and layout that its files have; says on stdout what they
/// are. Fails with what reading them fails with, and with flag.149.
run_options with_own_facts(run_options options);

/// npy holds features: its array has two dimensions.
bool has_own_features(const run_options& options);

/// A part of the images; where there are no test files, the part of a split (data/split.hpp).
spankey::image_dataset load_own_images(const run_options& options, spankey::split part);
spankey::feature_dataset load_own_features(const run_options& options, spankey::split part);
