// What a run does where its flags say nothing: by its data set, and by its regime.
//
//   regime reference   as published: uniform basis, coefficients from the unit cube, one deviation a batch, one Gaussian
//                      invalid key a batch, deny mode B on the wrong key
//   regime sound       (default) one deviation a key, an invalid key a sample from a mixture of families, deny mode
//                      sealed on the wrong key and on no key, weighed as docs/gate_study.md found
//   recipe fast        few epochs of large batches with Muon; what fast_cnn is trained with, whatever the data
// vit_tiny brings its optimizer, batch and epochs, and in the regime reference the published strength of its keys.
// The data set brings the model and the optimizer of the published recipe, the model its sites and, where nothing names
// the data, its usual data set; the study's sites for MNIST.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

/// Invalid keys of the sound regime: --invalid-mixture's default. Negated keys are others only where valid keys have a mean.
std::string sound_mixture(bool keys_have_a_mean);

/// Values, by the names of the flags, for a run that was given `given` (data, model and regime are read from it).
nlohmann::json recipe_for(const nlohmann::json& given);
