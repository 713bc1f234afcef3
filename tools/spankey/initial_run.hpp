// What a training takes over from the run or the file that --init names.
#pragma once

#include <optional>
#include <string>

#include "run_options.hpp"
#include "spankey/key/sampler.hpp"

/// The safetensors file of the weights. Fails with flag.145 for a run that is not finished.
std::string initial_weights(const run_options& options);

/// The keys of the run, where both runs draw theirs in the same way from spans at the same sites and no --key-seed asks for
/// new ones; which it is, is said on stdout.
std::optional<spankey::key_space> initial_keys(const run_options& options);
