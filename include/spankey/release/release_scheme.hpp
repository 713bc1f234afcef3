// A release scheme (in the sense of 2506.19874, section 3): how a model's owner hands out something that computes the same, and is
// not its weights.
//
//   Release(weights, ranges, coins) -> release        ranges of every MLP's neurons on calibration data; coins: the owner's secret
//   Infer(release, x) = released_session(list, release)(x)                  release/released_session.hpp
// Correct where Infer computes what the network does; what an adversary makes of a release is what the games say
// (attack/release_games.hpp). A scheme of one's own is a struct with these two members.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/release/released_session.hpp"

namespace spankey {

/// What a scheme is given. `model` has the weights; `list` names its layers.
template <class Model>
struct open_network {
  const layer_list& list;
  Model& model;

  [[nodiscard]] std::vector<mlp_place> places() const { return mlp_places({list.begin(), list.size()}); }
};

template <class S, class Model>
concept ReleaseScheme = requires(const S& scheme, const open_network<Model>& network,
                                 std::span<const neuron_ranges> ranges, std::uint64_t coins) {
  { S::name } -> std::convertible_to<std::string_view>;
  { scheme.release(network, ranges, coins) } -> std::same_as<weight_release>;
};

/// Everything public: what there is to lose.
template <class Model>
weight_release release_all(const open_network<Model>& network, std::string_view scheme) {
  weight_release r{.scheme = std::string(scheme), .network = std::string(network.list.name())};
  network.model.for_each_parameter([&](const scope& at, auto& p) {
    r.tensors.emplace(at.str(), public_tensor{file_shape(p.dims), to_file_order(p.dims, p.value.data)});
  });
  network.model.for_each_state([&](const scope& at, auto& s) {
    r.tensors.emplace(at.str(), public_tensor{{s.count}, {s.value.data, s.value.data + s.count}});
  });
  return r;
}

/// The weights themselves.
struct identity_release {
  static constexpr std::string_view name = "identity";

  template <class Model>
  weight_release release(const open_network<Model>& network, std::span<const neuron_ranges>,
                         std::uint64_t) const {
    return release_all(network, name);
  }
};

/// Every MLP as series (release/taylor_mlp.hpp), all else as it is. Fails with release.107 for a network without any.
template <class Model>
weight_release release_series(const open_network<Model>& network, std::string_view scheme,
                              std::span<const neuron_ranges> ranges, const taylor_options& options,
                              std::uint64_t coins) {
  const std::vector<mlp_place> places = network.places();
  if (places.empty() || ranges.size() != places.size())
    fail("release.107", network.list.name(), "found ", places.size(), " MLPs and ranges of ", ranges.size(),
         ", expected one MLP at least: two maps of tokens with SiLU or GELU between them, gated or not");
  weight_release r = release_all(network, scheme);
  r.precision = options.precision;
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::erase_if(r.tensors, [&](const auto& t) { return is_of_mlp(t.first, places[i].name); });
    r.mlps.emplace(places[i].name,
                   release_taylor(mlp_of(network.model, places[i]), ranges[i], options, coins, i));
  }
  return r;
}

/// TaylorMLP.
struct taylor_release {
  static constexpr std::string_view name = "taylor";
  taylor_options options{};

  template <class Model>
  weight_release release(const open_network<Model>& network, std::span<const neuron_ranges> ranges,
                         std::uint64_t coins) const {
    return release_series(network, name, ranges, options, coins);
  }
};

/// The same, of which only sums over groups of neurons are handed out.
struct sums_release {
  static constexpr std::string_view name = "sums";
  taylor_options options{.group = 2};

  template <class Model>
  weight_release release(const open_network<Model>& network, std::span<const neuron_ranges> ranges,
                         std::uint64_t coins) const {
    return release_series(network, name, ranges, options, coins);
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
