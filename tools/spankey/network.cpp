#include "network.hpp"

#include <algorithm>
#include <vector>

#include "data_sets.hpp"
#include "invalid_text.hpp"
#include "spankey/core/error.hpp"
#include "spankey/key/invalid_family.hpp"

namespace {

const std::vector<network>& networks() {
#define SPANKEY_NETWORK(name) name##_network(),
  static const std::vector<network> all = {
#include "networks.inc"  // a line for every network of this build: CMake's SPANKEY_PROGRAM_NETWORKS
  };
#undef SPANKEY_NETWORK
  return all;
}

// One mean and one deviation for every channel of the input, or none.
void require_pixels_fit(const run_options& options, const network& model) {
  const auto means = static_cast<spankey::index_t>(options.mean.size());
  const auto deviations = static_cast<spankey::index_t>(options.deviation.size());
  if (means == 0 && deviations == 0) return;
  const spankey::extents& input = model.input;
  if (input.height == 1 && input.width == 1)
    spankey::fail("flag.140", means > 0 ? "--mean" : "--deviation", "found one, but ", model.name,
                  " takes features, not pixels");
  if (means != input.channels || deviations != input.channels)
    spankey::fail("flag.140", "--mean, --deviation", "found ", means, " means and ", deviations,
                  " deviations, expected one for each of the ", input.channels, " channels that ", model.name,
                  " takes");
}

std::string listed(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

std::string shape_text(const spankey::extents& e) {
  return "C=" + std::to_string(e.channels) + " H=" + std::to_string(e.height) +
         " W=" + std::to_string(e.width);
}

// Glyphs are drawn as a network of images takes them, unless the run says how.
bool fits(const network& model, const run_options& options) {
  return facts_of(options).sample == model.input ||
         (options.data == "glyphs" && options.sample.empty() && model.input.height > 1);
}

void require_data_fits(const network& model, const run_options& options) {
  const data_facts facts = facts_of(options);
  if (!facts.known() || fits(model, options)) return;
  std::vector<std::string> models, sets;
  for (const network& n : networks())
    if (fits(n, options)) models.push_back(n.name);
  for (const std::string& name : data_names()) {
    run_options other;
    other.data = name;
    if (facts_of(other).known() && fits(model, other)) sets.push_back(name);
  }
  spankey::fail("flag.115", "--model", "found ", model.name, ", which takes ", shape_text(model.input),
                "; --data ", options.data, " has ", shape_text(facts.sample), " and fits ",
                models.empty() ? "no network" : listed(models), "; ", model.name, " fits --data ",
                listed(sets));
}

}  // namespace

const network& network_named(const std::string& name) {
  const auto found =
      std::find_if(networks().begin(), networks().end(), [&](const network& n) { return n.name == name; });
  if (found == networks().end())
    spankey::fail("flag.113", "--model", "found '", name, "', which this program was built without (CMake's ",
                  "SPANKEY_PROGRAM_NETWORKS); it has ", listed(network_names()));
  return *found;
}

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const network& n : networks()) names.push_back(n.name);
  return names;
}

std::vector<int> active_sites(const run_options& options) {
  return options.keyed() ? options.sites : std::vector<int>{};
}

void require_keys_fit(const run_options& options) {
  const network& model = network_named(options.model);
  require_data_fits(model, options);
  require_pixels_fit(options, model);
  std::vector<spankey::site> sites;
  for (const int number : active_sites(options)) {
    if (number >= static_cast<int>(model.sites.size()))
      spankey::fail("flag.114", "--sites", "found ", number, ", ", model.name, " has the sites 0 to ",
                    model.sites.size() - 1);
    sites.push_back({number, model.sites[static_cast<std::size_t>(number)]});
    const auto d = sites.back().shape.size();
    if (options.subspace_dim > d)
      spankey::fail("flag.105", "--subspace-dim", "found ", options.subspace_dim, ", expected 1 to ", d,
                    ", the elements of site ", number);
  }
  std::vector<spankey::invalid_rule> rules = invalid_rules_of(options.families, options);
  if (sites.empty()) return;
  const spankey::key_space_config space = options.key_space();
  rules.push_back(invalid_rule_of(options.invalid));
  for (const auto& [rule, weight] : invalid_mixture_of(options.invalid_mixture)) rules.push_back(rule);
  for (const auto& rule : rules) spankey::require_rule(rule, space, sites);
}
