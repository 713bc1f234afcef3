// What sessions answer for a run: the ones that a product would have, on the reference backend.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "convert.hpp"
#include "predict.hpp"
#include "run_options.hpp"
#include "spankey/key/issued_key.hpp"

/// A test set as a session takes it.
struct session_samples {
  spankey::index_t classes = 0;
  std::vector<float> x;  // normalised, (N, H, W, C)
  std::vector<int> labels;
};

/// How the network of an image answers to all samples under one key; an empty one: without. Fails with infer.102.
counted_answers session_answers(const run_options& options, const made_image& image,
                                const session_samples& samples, std::span<const spankey::site_key> key);

/// One answer for every sample of all inputs, in order. Fails with infer.102, flag.144 a key of another network.
std::vector<prediction> session_predictions(const run_options& options, const run_image& run,
                                            const chosen_key& key, const std::vector<input_samples>& inputs);

/// Lines of C++ that name a session's network: using network = small_cnn<11, gate<multiplicative, at<1, 2>>,
/// backend::reference, float>, with every name's namespace; of another input than the usual one with its list of layers.
std::vector<std::string> network_lines(const run_options& options, const spankey::head_outputs& head);
