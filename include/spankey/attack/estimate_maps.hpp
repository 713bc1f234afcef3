// Attacks without labels on a whole network that is locked before many layers: the maps are estimated one after another, in the order
// in which data flow, each from what unlabelled samples are after the maps before it.
//
//   spectral   attack/spectral.hpp             moments   the same, then attack/moments.hpp where a batch norm stands behind
// A batch norm that was folded (lock/entangled.hpp) has a shift left, beta - gamma mean / deviation: where nobody moved beta and gamma
// far from 0 and 1, where training began, it is the mean with its sign changed, of outputs with variance 1.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <Eigen/Dense>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "spankey/attack/moments.hpp"
#include "spankey/attack/recalibrate.hpp"
#include "spankey/attack/starting_map.hpp"
#include "spankey/model/inserted_layers.hpp"

namespace spankey {

enum class estimate_kind : unsigned char { spectral, moments };

struct estimate_options {
  estimate_kind kind = estimate_kind::spectral;
  sample_counts counts{};
  bool whitened = false;            // what is known of the lock
  bool signed_permutation = false;  // it only permutes and negates channels
  std::uint64_t updates = 200;      // of the moment attack
};

/// Weights (taps C, O) of an entry of a network's list, a matrix alone.
template <class Model>
Eigen::MatrixXd weights_of(Model& model, std::size_t entry) {
  Eigen::MatrixXd found;
  model.for_each_parameter_of(entry, [&](const scope&, auto& p) {
    if (p.dims.file_rank == 1) return;
    using number = std::remove_cvref_t<decltype(*p.value.data)>;
    found = Eigen::Map<const Eigen::Matrix<number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                p.value.data, p.dims.size() / p.dims.o, p.dims.o)
                .template cast<double>();
  });
  return found;
}

/// What the batch norm right behind an entry tells of its outputs, if there is one: without the entry's bias.
template <class Model>
std::optional<output_moments> moments_behind(Model& model, std::size_t entry) {
  const std::span<const layer_description> list = model.layers();
  if (list[entry].kind != layer_kind::conv2d || entry + 1 == list.size() ||
      list[entry + 1].kind != layer_kind::batch_norm2d)
    return {};
  const auto vector_of = [](const auto& values, index_t count) {
    Eigen::VectorXd v(count);
    for (index_t i = 0; i < count; ++i) v[i] = static_cast<double>(values.data[i]);
    return v;
  };
  const index_t outputs = list[entry].out.channels;
  Eigen::VectorXd mean, variance, shift = Eigen::VectorXd::Zero(outputs), bias = shift;
  model.for_each_state_of(entry + 1, [&](const scope& name, auto& s) {
    (name.name == "running_mean" ? mean : variance) = vector_of(s.value, s.count);
  });
  model.for_each_parameter_of(entry + 1, [&](const scope& name, auto& p) {
    if (name.name == "bias") shift = vector_of(p.value, outputs);
  });
  model.for_each_parameter_of(entry, [&](const scope&, auto& p) {
    if (p.dims.file_rank == 1) bias = vector_of(p.value, outputs);
  });
  if (is_folded(model, entry + 1)) return output_moments{-shift - bias, Eigen::VectorXd::Ones(outputs)};
  return output_moments{mean - bias, variance};
}

/// T^ before an entry.
inline Eigen::MatrixXd estimate_of(const Eigen::MatrixXd& weights, const input_moments& in,
                                   const std::optional<output_moments>& out, const estimate_options& o) {
  Eigen::MatrixXd map = spectral_attack(weights, in, out, o.whitened);
  if (o.signed_permutation) map = nearest_signed_permutation(map);
  if (o.kind != estimate_kind::moments || !out || o.signed_permutation) return map;
  if (!o.whitened) map = with_mapped_mean(map, weights, in, *out);
  return moment_attack(map, weights, in, *out, {.updates = o.updates, .rotation = !o.whitened});
}

/// Overwrites the stitches of a network that has one before every locked layer (model/inserted_layers.hpp), which are the identity
/// before (begin_as_identity), and returns them. Errors: those of moments_before.
template <class Model, class Data>
std::vector<starting_map> estimate_maps(Model& model, const Data& unlabelled, const estimate_options& o) {
  std::vector<starting_map> found;
  const std::span<const layer_description> list = model.layers();
  for (std::size_t i = 0; i + 1 < list.size(); ++i) {
    const std::string name(list[i].name.view());
    if (list[i].kind != layer_kind::project || !name.ends_with(inserted_suffix)) continue;
    const layer_description& locked = list[i + 1];
    const input_moments in = moments_before(model, locked, name, unlabelled, o.counts);
    const Eigen::MatrixXd map = estimate_of(weights_of(model, i + 1), in, moments_behind(model, i + 1), o);
    starting_map start{.layer = std::string(locked.name.view())};
    for (Eigen::Index row = 0; row < map.rows(); ++row)
      for (Eigen::Index column = 0; column < map.cols(); ++column)
        start.map.push_back(static_cast<float>(map(row, column)));
    write_map(model, start);
    found.push_back(std::move(start));
  }
  return found;
}

/// map_error of every map in the order of the list: of a network as it is locked and as it is open, both with norms folded or both
/// not. A layer with fewer outputs than channels does not say what its map was, and is left out.
template <class Model>
std::vector<double> map_errors(std::span<const starting_map> maps, Model& locked, Model& open) {
  std::vector<double> errors;
  const std::span<const layer_description> list = locked.layers();
  for (std::size_t i = 0; i < list.size(); ++i)
    for (const starting_map& found : maps) {
      if (found.layer != list[i].name.view()) continue;
      const Eigen::Index c = list[i].in.channels;
      if (weights_of(open, i).size() < c * c) continue;
      const Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> map(
          found.map.data(), c, c);
      errors.push_back(
          map_error(map.cast<double>(), map_between(weights_of(open, i), weights_of(locked, i), c)));
    }
  return errors;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
