// The networks that a run can name. A network is a list of layers for an input and a head; that it is compiled with costs
// nothing: what trains and evaluates is compiled once for all of them (run_functions.hpp).
#pragma once

#include <string>
#include <vector>

#include "run_options.hpp"
#include "spankey/model/layer_list.hpp"

struct network {
  std::string name;
  spankey::extents usual;  // the input that it was made for
  spankey::layer_list (*on)(const spankey::extents& input, spankey::head_outputs outputs);
  bool of_library = true;  // else a header of the user's has its list, NAME_layers

  [[nodiscard]] bool takes_features() const { return usual.height == 1 && usual.width == 1; }
};

/// Those of this build, in the order of CMake's SPANKEY_PROGRAM_NETWORKS; the build writes this function.
std::vector<network> networks_of_this_build();

/// One of them whose list has an input of its own.
template <auto Layers>
network network_of(const char* name) {
  return {name, Layers(2).input(),
          [](const spankey::extents&, spankey::head_outputs outputs) { return Layers(outputs); }, false};
}
/// One that takes any input that it fits; `Layers` says what it was made for.
template <auto Layers, auto On>
network network_of(const char* name) {
  return {name, Layers(2).input(), On};
}

/// Fails with flag.113 for a name that no network has.
const network& network_named(const std::string& name);
std::vector<std::string> network_names();

/// A sample of the run's data as its network takes it; its classes.
spankey::extents input_of(const run_options& options);
spankey::index_t classes_of(const run_options& options);
/// The run's network with these outputs.
spankey::layer_list layers_of(const run_options& options, const spankey::head_outputs& outputs);
/// Shapes of all of its sites.
std::vector<spankey::extents> site_shapes_of(const run_options& options);

/// Sites that carry keys: none without an injector.
std::vector<int> active_sites(const run_options& options);

/// Data that the network does not take, constants of pixels for another number of channels, sites that it does not have,
/// key spaces that one of them cannot hold, and families of invalid keys that the key space does not have: fails with
/// flag.1xx or key.1xx, before any work.
void require_keys_fit(const run_options& options);
