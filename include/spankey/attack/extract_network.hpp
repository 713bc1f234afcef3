// A whole network out of its release: public tensors as they are, every MLP extracted (attack/extract_mlp.hpp).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <map>
#include <string>

#include "spankey/attack/extraction_report.hpp"
#include "spankey/release/released_session.hpp"

namespace spankey {

/// Writes what it finds into `model`; returns how, by the MLPs' names. Errors: release.114, release.102 where a release of no
/// network leads to weights that are no numbers, memory.105, memory.108.
template <class Model>
std::map<std::string, extracted_mlp> extract_network(Model& model, const layer_list& list,
                                                     const weight_release& r) {
  write_public_tensors(model, list, r);
  std::map<std::string, extracted_mlp> found;
  for (const mlp_place& place : mlp_places({list.begin(), list.size()})) {
    const auto released = r.mlps.find(place.name);
    if (released == r.mlps.end()) continue;
    extracted_mlp mlp =
        extract_mlp(released->second, place.first_bias ? first_biases::withheld : first_biases::none);
    if (!place.down_bias) mlp.weights.down_bias.clear();
    write_mlp(model, place, mlp.weights);
    found.emplace(place.name, std::move(mlp));
  }
  return found;
}

/// Of every MLP that the release had in another form: how it was found, and beside the network whose release it is.
template <class Model>
extraction_report report_on(const std::map<std::string, extracted_mlp>& found, const weight_release& r,
                            Model* truth, const layer_list& list) {
  extraction_report report;
  for (const mlp_place& place : mlp_places({list.begin(), list.size()})) {
    const auto at = found.find(place.name);
    if (at == found.end()) continue;
    add_fits(at->second, report);
    if (truth == nullptr) continue;
    const taylor_mlp& released = r.mlps.at(place.name);
    const std::vector<std::int64_t>& sampled = released.sampled;
    const mlp_weights own = mlp_of(*truth, place);
    compare_mlp(
        own, released.group > 1 ? aligned_to(own, at->second.weights) : at->second.weights,
        [&](index_t j) { return std::binary_search(sampled.begin(), sampled.end(), std::int64_t{j}); },
        report);
  }
  return report;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
