// Locked networks as releases: what is handed out is the locked network's weights, and its key is the owner's secret. Whoever has
// the release alone infers what a network without its key answers; with the key it is the network (lock/).
//
//   entangled   every layer's channels mixed (lock/entangled.hpp)       masked   the MLP pairs' weights taken out (lock/masked.hpp)
// Keys follow from the owner's coins, so that a game can be played again. For a product draw_master_key() draws them.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <memory>
#include <string_view>

#include "spankey/lock/entangled.hpp"
#include "spankey/lock/masked.hpp"
#include "spankey/release/release_scheme.hpp"

namespace spankey {

/// The 32 bytes of these coins.
inline master_key key_of_coins(std::uint64_t coins) {
  const random_source source(coins, stream::release, 0xFFFFFFFF);
  std::array<std::byte, master_key::size> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(source.bits(i) & 0xFFU);
  return master_key(bytes);
}

/// Parameters and states of one model into another of the same list, but for adapters that the first one has beside its maps.
template <class To, class From>
void copy_model(To& to, From& from) {
  std::vector<const float*> states;
  from.for_each_state([&](const scope&, auto& s) { states.push_back(s.value.data); });
  auto next = states.begin();
  to.for_each_parameter([&](const scope& at, auto& p) {
    std::copy_n(from.parameter_of(at.str()).value.data, p.dims.size(), p.value.data);
  });
  to.for_each_state([&](const scope&, auto& s) { std::copy_n(*next++, s.count, s.value.data); });
  mark_written(to);
}

namespace release_parts {

// lock(copy, key) changes a copy, which is then released whole.
template <class Model, class Lock>
weight_release release_locked(const open_network<Model>& network, std::string_view scheme,
                              std::uint64_t coins, const Lock& lock) {
  using copy_type = released_model<typename Model::backend_type>;
  const auto copy = std::make_unique<copy_type>(network.list);
  const arena memory(*copy, 1);
  copy_model(*copy, network.model);
  lock(*copy, key_of_coins(coins));
  return release_all(open_network<copy_type>{network.list, *copy}, scheme);
}

}  // namespace release_parts

struct entangled_release {
  static constexpr std::string_view name = "entangled";
  entangled_options options{};

  template <class Model>
  weight_release release(const open_network<Model>& network, std::span<const neuron_ranges>,
                         std::uint64_t coins) const {
    return release_parts::release_locked(network, name, coins, [&](auto& model, const master_key& key) {
      (void)lock_entangled(model, key, options);
    });
  }
};

struct masked_release {
  static constexpr std::string_view name = "masked";

  template <class Model>
  weight_release release(const open_network<Model>& network, std::span<const neuron_ranges>,
                         std::uint64_t coins) const {
    masked_options options;
    for (const mlp_place& p : network.places()) options.layers.push_back(p.name);
    return release_parts::release_locked(network, name, coins, [&](auto& model, const master_key& key) {
      (void)lock_masked(model, key, options);
    });
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
