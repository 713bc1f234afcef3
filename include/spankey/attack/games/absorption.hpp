// Game 8, absorption surgery: the places where keys, or maps of a lock, act get layers that learn what a key did, and nothing else of the weights changes:
// a scale and a shift for every channel, a 1 x 1 map, or a small block beside it (model/inserted_layers.hpp), without a key. With a few
// labelled samples, as fine-tuning has them.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "spankey/attack/game.hpp"
#include "spankey/attack/relearn.hpp"
#include "spankey/attack/training_target.hpp"
#include "spankey/core/error.hpp"
#include "spankey/infer/activation_maps.hpp"

namespace spankey {

/// The layers that a map is put before, one for each of the given sites: the first behind it that a map can stand before.
inline std::set<std::string, std::less<>> layers_behind(const layer_list& list, std::span<const site> sites) {
  std::set<std::string, std::less<>> names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].kind != layer_kind::site) continue;
    const int number = list[i].site;
    if (std::none_of(sites.begin(), sites.end(), [&](const site& s) { return s.number == number; })) continue;
    for (std::size_t j = i + 1; j < list.size(); ++j)
      if (infer::takes_map(list[j])) {
        names.emplace(list[j].name.view());
        break;
      }
  }
  return names;
}

struct absorption {
  static constexpr int number = 8;
  static constexpr std::string_view title = "absorption surgery";
  static constexpr knowledge knows = knowledge::weights;
  static constexpr bool needs_keys = false;

  struct limits_type {
    std::vector<index_t> samples = {64, 500, 3000};
    std::vector<inserted_kind> kinds = {inserted_kind::affine, inserted_kind::stitch,
                                        inserted_kind::accessory};
    std::vector<double> rates = {1e-3, 1e-2};
    std::uint64_t updates = 1000;
    bool norms = true;  // scales and shifts of batch norms are trained with them
    augmentation augment{};
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    l.samples = at_budget<std::vector<index_t>>(b, {64, 512}, {64, 500, 3000}, {64, 500, 3000, 6000});
    if (b == attack_budget::quick) l.rates = {1e-3}, l.kinds = {inserted_kind::affine, inserted_kind::stitch};
    l.updates = at_budget<std::uint64_t>(b, 100, 1000, 10000);
    return l;
  }

  /// Fails with attack.129 where the target names no layer, and as relearn does.
  template <class Held, class Data>
  void play(const training_target<Held, Data>& target, const point_listener& tell) const {
    if (target.places.empty())
      fail("attack.129", "absorption", "found no layer that a map could stand before");
    for (const index_t budget : limits.samples) {
      const index_t samples = std::min<index_t>(budget, target.train.size());
      for (const inserted_kind kind : limits.kinds) {
        relearn_result found =
            relearn(target.held, target.list, relearnt::maps, kind,
                    [&](const layer_description& d) { return target.places.contains(d.name.view()); },
                    target.train, target.test,
                    {.samples = samples,
                     .updates = limits.updates,
                     .rates = limits.rates,
                     .seed = target.seed,
                     .norms = limits.norms,
                     .augment = limits.augment});
        tell({.attack = std::string(name_of(kind)),
              .unit = "labelled samples",
              .budget = static_cast<double>(samples),
              .answers = std::move(found.answers),
              .measures = {{"rate", found.rate}},
              .labelled = samples});
      }
    }
  }

 private:
  static std::string_view name_of(inserted_kind kind) {
    return kind == inserted_kind::stitch   ? "1 x 1 map"
           : kind == inserted_kind::affine ? "scale and shift"
                                           : "block beside";
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
