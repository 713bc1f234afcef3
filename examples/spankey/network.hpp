// From a name to a network: what the program does with each model of the library. A model has a source file of its own
// (network_NAME.cpp), which compiles all of its heads and precisions and nothing else.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "commands.hpp"
#include "convert.hpp"
#include "run_options.hpp"
#include "spankey/core/shape.hpp"

struct network {
  std::string name;
  std::span<const spankey::extents> sites;
  void (*train)(const run_options&, start_of_run);
  void (*evaluate)(const run_options&, const eval_options&);
  void (*describe)(const run_options&, bool measure);
  converted (*convert)(const run_options&, const convert_options&);
  void (*import_weights)(const run_options&, const import_options&);
};

/// Fails with flag.113 for a name that no network has.
const network& network_named(const std::string& name);
std::vector<std::string> network_names();

network mlp_network();
network small_cnn_network();
network small_resnet_network();
network resnet18_network();

/// Sites that carry keys: none without an injector.
std::vector<int> active_sites(const run_options& options);

/// Sites that the network does not have, key spaces that one of them cannot hold, and families of invalid keys that the
/// key space does not have: fails with flag.1xx or key.1xx, before any work.
void require_keys_fit(const run_options& options);
