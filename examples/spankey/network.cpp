#include "network.hpp"

#include <algorithm>
#include <vector>

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

}  // namespace

const network& network_named(const std::string& name) {
  const auto found =
      std::find_if(networks().begin(), networks().end(), [&](const network& n) { return n.name == name; });
  if (found == networks().end()) spankey::fail("flag.113", "--model", "no network is called '", name, "'");
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
