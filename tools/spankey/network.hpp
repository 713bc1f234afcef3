// From a name to a network: what the program does with each model of the library. A model has a source file of its own
// (network_NAME.cpp), which compiles all of its heads and precisions and nothing else.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "commands.hpp"
#include "convert.hpp"
#include "predict.hpp"
#include "run_options.hpp"
#include "spankey/core/shape.hpp"

/// What a device does with a network; null where this program was built without it.
struct network_on_device {
  int (*train)(const run_options&, start_of_run) = nullptr;  // the exit status
  void (*evaluate)(const run_options&, const eval_options&) = nullptr;
  void (*describe)(const run_options&, bool measure) = nullptr;
};

struct network {
  std::string name;
  spankey::extents input;  // of a sample
  std::span<const spankey::extents> sites;
  int (*train)(const run_options&, start_of_run);  // the exit status
  void (*evaluate)(const run_options&, const eval_options&);
  void (*describe)(const run_options&, bool measure);
  converted (*convert)(const run_options&, const convert_options&);
  void (*import_weights)(const run_options&, const import_options&);
  std::vector<prediction> (*predict)(const run_options&, const std::string& run, const chosen_key&,
                                     const std::vector<input_samples>&);
};

/// Fails with flag.113 for a name that no network has.
const network& network_named(const std::string& name);
std::vector<std::string> network_names();

network mlp_network();
network small_cnn_network();
network small_resnet_network();
network resnet18_network();

// Where this program has spankey::cuda: cuda/network_NAME.cpp.
network_on_device mlp_on_cuda();
network_on_device small_cnn_on_cuda();
network_on_device small_resnet_on_cuda();
network_on_device resnet18_on_cuda();

/// Sites that carry keys: none without an injector.
std::vector<int> active_sites(const run_options& options);

/// Data that the network does not take, constants of pixels for another number of channels, sites that it does not have,
/// key spaces that one of them cannot hold, and families of invalid keys that the key space does not have: fails with
/// flag.1xx or key.1xx, before any work.
void require_keys_fit(const run_options& options);
