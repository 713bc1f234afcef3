// What `relearn` does to a run. Included where attacks are compiled.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "choices.hpp"
#include "commands.hpp"
#include "relearn.hpp"
#include "relearn_estimate.hpp"
#include "run_model.hpp"
#include "spankey/attack/layerwise.hpp"
#include "spankey/attack/relearn.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/train/evaluate.hpp"

namespace relearning {

namespace fs = std::filesystem;
using namespace spankey;
using network = sized_model<none, backend::cpu, float>;

// A run's weights in a network without a key.
struct loaded {
  static constexpr index_t batch = 250;
  network model;
  arena memory;
  loaded(const layer_list& list, const std::string& run) : model(list), memory(model, batch) {
    load_weights(model, (fs::path(run) / "weights.safetensors").string(), weights_of::any_gate);
  }
};

template <class Data>
double accuracy_of(network& model, const Data& test) {
  gate_evaluation found(model, nullptr, test, 250, evaluation_options{.without_keys = true});
  return found.run().no_key[figure::masked].mean;
}

// What a run's lock says without its key.
struct seen_lock {
  std::set<std::string, std::less<>> layers;
  bool whitened = false, withholds = false;

  explicit seen_lock(const std::string& run) {
    const fs::path file = fs::path(run) / lock_file_name;
    std::error_code code;
    if (!fs::exists(file, code)) return;
    withholds = lock_record::kind_of(file.string()) != entangled_lock::kind;
    if (withholds) return;
    for (const auto& [name, sealed] : entangled_lock::load(file.string()).record.sealed) {
      layers.insert(name);
      whitened = whitened || sealed.size() > sealed_overhead;
    }
  }
};

// Before which layers a map is put: those that are named, those of the lock, or where one could be.
inline auto chosen_layers(const relearn_options& request, const seen_lock& lock, const layer_list& list) {
  std::set<std::string, std::less<>> layers = lock.layers;
  if (!request.layers.empty()) {
    layers = {request.layers.begin(), request.layers.end()};
    for (const std::string& name : layers)
      if (std::none_of(list.begin(), list.end(),
                       [&](const layer_description& d) { return can_entangle(d) && d.name.view() == name; }))
        fail("flag.192", "--layers", "'", printable(name), "' is no layer that a map can stand before");
  }
  return [layers](const layer_description& d) {
    return can_entangle(d) && (layers.empty() || layers.contains(d.name.view()));
  };
}

inline inserted_kind inserted_of(const std::string& name) {
  return name == "stitch"   ? inserted_kind::stitch
         : name == "affine" ? inserted_kind::affine
                            : inserted_kind::accessory;
}

template <class Data>
struct attacker {
  const run_options& options;
  const relearn_options& request;
  const Data& train;
  const Data& test;
  layer_list list;
  seen_lock lock;
  std::unique_ptr<loaded> held;

  // Maps without labels, in a network of their own, and what it answers with them.
  std::vector<starting_map> estimated(const std::string& kind, relearn_row* row) {
    const auto chosen = chosen_layers(request, lock, list);
    network model(with_inserted(list, inserted_kind::stitch, chosen));
    const arena memory(model, 250);
    initialise(model, 0);
    copy_known(held->model, model);
    begin_as_identity(model);
    std::vector<starting_map> maps = estimated_maps(model, train, kind, lock.whitened, request);
    if (row == nullptr) return maps;
    if (request.recalibrate) recalibrate(model, train, {.samples = request.unlabelled});
    row->accuracy = accuracy_of(model, test);
    if (!request.open.empty())
      row->errors = errors_of(maps, held->model, std::make_unique<loaded>(list, request.open)->model);
    return maps;
  }
  // With so many labelled samples.
  relearn_result learnt(const std::string& what, relearn_budget budget, std::vector<starting_map> start) {
    const auto chosen = chosen_layers(request, lock, list);
    budget.start = start;
    if (what == "layerwise") {
      start = learn_in_order(held->model, list, chosen, train, budget);
      budget.start = start;
    }
    const relearnt trained = what == "scratch"      ? relearnt::scratch
                             : what == "everything" ? relearnt::everything
                                                    : relearnt::maps;
    return relearn(held->model, list, trained, inserted_of(request.insert), chosen, train, test, budget);
  }
};

template <class Data>
void relearn_run_on(const run_options& options, const relearn_options& request,
                    std::span<const known_floor> floors, const Data& train, const Data& test,
                    relearn_report& report,
                    const std::function<void(const relearn_report&, const relearn_row&)>& told) {
  const layer_list list = layers_of(options, outputs_of(options));
  attacker<Data> by{options,
                    request,
                    train,
                    test,
                    list,
                    seen_lock(request.run),
                    std::make_unique<loaded>(list, request.run)};
  report.closed = accuracy_of(by.held->model, test);
  if (!request.open.empty())
    report.open = accuracy_of(std::make_unique<loaded>(list, request.open)->model, test);
  const auto tell = [&](relearn_row row) {
    report.rows.push_back(std::move(row));
    told(report, report.rows.back());
  };
  const bool estimates = request.start != "identity" ||
                         std::any_of(request.what.begin(), request.what.end(), [](const std::string& what) {
                           return what == "spectral" || what == "moments";
                         });
  if (estimates && by.lock.withholds)
    fail("flag.193", "relearn", "found a lock that withholds weights, whose layers have no maps to estimate");
  std::vector<std::string> with_labels;
  for (const std::string& what : request.what) {
    relearn_row row{.what = what, .samples = request.unlabelled};
    if (!row.is_estimate()) {
      with_labels.push_back(what);
      continue;
    }
    (void)by.estimated(what, &row);
    tell(std::move(row));
  }
  if (with_labels.empty()) return;
  const std::vector<starting_map> start =
      request.start == "identity" ? std::vector<starting_map>{} : by.estimated(request.start, nullptr);
  for (std::uint64_t seed = 0; seed < request.seeds; ++seed)
    for (const std::int64_t samples : request.samples) {
      const relearn_budget budget{
          .samples = samples,
          .updates = request.updates,
          .rates = request.rates,
          .statistics = meaning_of(statistics_names, request.statistics, "--batch-statistics"),
          .seed = seed,
          .recalibrated = request.recalibrate ? request.unlabelled : 0,
          .orthogonal = request.orthogonal,
          .norms = request.norms,
          .augment = request.augment ? augmentation{.pad = 2, .flip = true} : augmentation{}};
      const auto known = std::find_if(floors.begin(), floors.end(), [&](const known_floor& f) {
        return f.samples == samples && f.seed == seed;
      });
      const double floor =
          known != floors.end() ? known->accuracy : by.learnt("scratch", budget, {}).accuracy;
      for (const std::string& what : with_labels) {
        const relearn_result found = by.learnt(what, budget, start);
        tell({.what = what,
              .samples = samples,
              .seed = seed,
              .accuracy = found.accuracy,
              .rate = found.rate,
              .floor = floor});
      }
    }
}

}  // namespace relearning
