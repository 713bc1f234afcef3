// The maps before locked layers, learnt one after another: the first unknown one with a head of its own behind the layer and what
// follows it up to the next locked one, then the next, until all have a value. Later layers, which scramble what they get, stand in
// nobody's way meanwhile. What it finds is where learning all of them together begins (attack/relearn.hpp, start).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "spankey/attack/relearn.hpp"
#include "spankey/model/cut_list.hpp"

namespace spankey {

/// The name of a head that was put behind a part of a network.
inline constexpr std::string_view own_head = "own_head";

/// How far a part reaches that ends with locked layer `entry`: its norm and activation belong to it.
inline std::size_t end_of_part(const layer_list& list, std::size_t entry) {
  while (entry + 1 < list.size() &&
         (list[entry + 1].kind == layer_kind::batch_norm2d || list[entry + 1].kind == layer_kind::activation))
    ++entry;
  return entry;
}

/// Stitches before the chosen layers of `list`, but for its head, whose weights `held` has; each is trained with the first rate of
/// the budget for its updates. Errors: those of relearn.
template <class Held, class Chosen, class Data>
std::vector<starting_map> learn_in_order(Held& held, const layer_list& list, const Chosen& chosen,
                                         const Data& train, const relearn_budget& budget) {
  using network = sized_model<none, typename Held::backend_type, typename Held::scalar>;
  const chosen_samples<Data> own(train, budget.samples, budget.seed);
  const index_t batch = std::min<index_t>(budget.samples, 64);
  const auto steps = static_cast<std::uint64_t>(budget.samples / batch);
  std::vector<starting_map> known(budget.start.begin(), budget.start.end());
  for (std::size_t i = 0; i + 1 < list.size(); ++i) {
    if (!chosen(list[i])) continue;
    const std::string newest = map_name(std::string(list[i].name.view())) + ".";
    const layer_list part =
        with_inserted(cut_behind(list, end_of_part(list, i), own_head), inserted_kind::stitch,
                      [&](const layer_description& d) { return d.kind != layer_kind::head && chosen(d); });
    const auto model = std::make_unique<network>(part);
    keep_second_moment(*model);
    const arena memory(*model, std::max<index_t>(batch, 50));
    initialise(*model, budget.seed);
    copy_known(held, *model);
    begin_as_identity(*model);
    std::vector<std::string> present;
    model->for_each_parameter([&](const scope& at, auto&) { present.push_back(at.str()); });
    for (const starting_map& map : known)
      if (std::find(present.begin(), present.end(), map_name(map.layer) + ".weight") != present.end())
        write_map(*model, map);
    freeze(*model, [&](std::string_view name, const parameter_extents&) {
      return !name.starts_with(newest) && !name.starts_with(own_head);
    });
    if (budget.recalibrated > 0) recalibrate(*model, train, {.samples = budget.recalibrated});
    kept_orthogonal<network> observer{*model, budget.orthogonal};
    trainer run(
        *model, objective<no_deny>{.classes = train.classes, .statistics = budget.statistics}, nullptr, own,
        training_of(budget, batch, std::max<std::uint64_t>(1, budget.updates / steps), budget.rates.front()));
    run.run(observer);
    for (starting_map& map : maps_of(*model)) {
      const auto old = std::find_if(known.begin(), known.end(),
                                    [&](const starting_map& k) { return k.layer == map.layer; });
      if (old != known.end())
        *old = std::move(map);
      else
        known.push_back(std::move(map));
    }
  }
  return known;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
