// Attacks without labels, for whoever compiles attacks: what they need of Eigen stays here. A program that was built without Eigen
// refuses them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "relearn.hpp"
#include "spankey/attack/starting_map.hpp"
#include "spankey/core/error.hpp"
#include "spankey/lock/entangled.hpp"

#ifdef SPANKEY_PROGRAM_EIGEN
#include "spankey/attack/estimate_maps.hpp"

/// Maps in `stitched`, whose stitches are the identity before. `kind`: spectral or moments.
template <class Model, class Data>
std::vector<spankey::starting_map> estimated_maps(Model& stitched, const Data& unlabelled,
                                                  const std::string& kind, bool whitened,
                                                  const relearn_options& request) {
  using namespace spankey;
  return estimate_maps(stitched, unlabelled,
                       {.kind = kind == "moments" ? estimate_kind::moments : estimate_kind::spectral,
                        .counts = {.samples = request.unlabelled},
                        .whitened = whitened,
                        .signed_permutation = request.permuted,
                        .updates = request.steps});
}

/// How far they are from the lock's. Folds the norms of `open` that are folded in `held`.
template <class Model>
std::vector<double> errors_of(const std::vector<spankey::starting_map>& maps, Model& held, Model& open) {
  using namespace spankey;
  const auto list = held.layers();
  std::vector<std::size_t> folded;
  for (std::size_t i = 0; i + 1 < list.size(); ++i)
    if (list[i + 1].kind == layer_kind::batch_norm2d && is_folded(held, i + 1)) folded.push_back(i);
  fold_norms(open, folded);
  return map_errors(std::span(maps), held, open);
}
#else
template <class Model, class Data>
std::vector<spankey::starting_map> estimated_maps(Model&, const Data&, const std::string& kind, bool,
                                                  const relearn_options&) {
  spankey::fail("flag.195", "relearn", "found '", kind, "' in a program that was built without Eigen");
}
template <class Model>
std::vector<double> errors_of(const std::vector<spankey::starting_map>&, Model&, Model&) {
  return {};
}
#endif
