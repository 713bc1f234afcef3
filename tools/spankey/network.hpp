// The networks that a run can name. A network is a list of layers for an input and a head; that it is compiled with costs
// nothing: what trains and evaluates is compiled once for all of them (run_functions.hpp).
#pragma once

#include <string>
#include <vector>

#include "data_sets.hpp"
#include "run_options.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/layer_list.hpp"
#include "spankey/model/llama.hpp"
#include "spankey/model/vit_tiny.hpp"

/// What a run may say of a network's size, and of the shape of its keys.
struct network_size {
  spankey::extents input;
  spankey::index_t channels = 0, layers = 0, heads = 0;  // 0: as it was made
  spankey::index_t kv_heads = 0, hidden = 0;
  double rope_theta = 0, norm_epsilon = 0;
};

struct network {
  std::string name;
  spankey::extents usual;  // the input that it was made for
  sample_kind takes = sample_kind::images;
  spankey::layer_list (*on)(const network_size& size, spankey::head_outputs outputs);
  bool of_library = true;  // else a header of the user's has its list, NAME_layers
  bool sizes = false;      // it reads more of a network_size than `input`: channels, layers, heads
  bool grouped = false;    // and the rest of it

  [[nodiscard]] bool takes_features() const { return takes == sample_kind::features; }
  [[nodiscard]] bool takes_text() const { return takes == sample_kind::text; }
};

/// Those of this build, in the order of CMake's SPANKEY_PROGRAM_NETWORKS; the build writes this function.
std::vector<network> networks_of_this_build();

/// What a list of layers reads.
constexpr sample_kind kind_of(const spankey::layer_list& list) {
  if (list.begin()->kind == spankey::layer_kind::embedding) return sample_kind::text;
  const spankey::extents& input = list.input();
  return input.height == 1 && input.width == 1 ? sample_kind::features : sample_kind::images;
}

/// One of them whose list has an input of its own.
template <auto Layers>
network network_of(const char* name) {
  const spankey::layer_list list = Layers(2);
  return {name, list.input(), kind_of(list),
          [](const network_size&, spankey::head_outputs outputs) { return Layers(outputs); }, false};
}
/// One that takes any input that it fits; `Layers` says what it was made for.
template <auto Layers, auto On>
network network_of(const char* name) {
  const spankey::layer_list list = Layers(2);
  return {name, list.input(), kind_of(list),
          [](const network_size& size, spankey::head_outputs outputs) { return On(size.input, outputs); }};
}
/// Those that read text, of any size.
network gpt_network();
network llama_network();

/// Fails with flag.113 for a name that no network has.
const network& network_named(const std::string& name);
std::vector<std::string> network_names();

/// A sample of the run's data as its network takes it; its classes, and what its head has to have for them.
spankey::extents input_of(const run_options& options);
spankey::index_t classes_of(const run_options& options);
spankey::head_outputs outputs_of(const run_options& options);
/// The run's network with these outputs.
spankey::layer_list layers_of(const run_options& options, const spankey::head_outputs& outputs);
/// Of a run of gpt, the sizes that make it.
spankey::gpt_size gpt_size_of(const run_options& options);
/// Shapes of all of its sites.
std::vector<spankey::extents> site_shapes_of(const run_options& options);

/// Sites that carry keys: none without an injector.
std::vector<int> active_sites(const run_options& options);

/// Data that the network does not take, sizes that it does not have, constants of pixels for another number of channels, sites that it does not have,
/// key spaces that one of them cannot hold, and families of invalid keys that the key space does not have: fails with
/// flag.1xx or key.1xx, before any work.
void require_keys_fit(const run_options& options);
