#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "attack.hpp"
#include "choices.hpp"
#include "commands.hpp"
#include "run_model.hpp"
#include "spankey/attack/relearn.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/lock/entangled.hpp"

namespace {

namespace fs = std::filesystem;
using namespace spankey;
using network = sized_model<none, backend::cpu, float>;

// A run's weights in a network without a key.
struct loaded {
  network model;
  arena memory;
  loaded(const layer_list& list, const std::string& run) : model(list), memory(model, 250) {
    load_weights(model, (fs::path(run) / "weights.safetensors").string(), weights_of::any_gate);
  }
};

template <class Data>
double accuracy_of(network& model, const Data& test) {
  gate_evaluation found(model, nullptr, test, 250, evaluation_options{.without_keys = true});
  return found.run().no_key[figure::masked].mean;
}

// Before which layers a map is put: those of the lock, or where one could be.
auto chosen_layers(const std::string& run) {
  std::set<std::string, std::less<>> locked;
  std::error_code code;
  if (const fs::path file = fs::path(run) / lock_file_name;
      fs::exists(file, code) && lock_record::kind_of(file.string()) == entangled_lock::kind)
    for (const auto& [name, sealed] : entangled_lock::load(file.string()).record.sealed) locked.insert(name);
  return [locked](const layer_description& d) {
    return can_entangle(d) && (locked.empty() || locked.contains(d.name.view()));
  };
}

relearnt what_of(const std::string& name) { return name == "maps" ? relearnt::maps : relearnt::everything; }
inserted_kind inserted_of(const std::string& name) {
  return name == "stitch"   ? inserted_kind::stitch
         : name == "affine" ? inserted_kind::affine
                            : inserted_kind::accessory;
}

template <class Data>
void attack(const run_options& options, const attack_options& request, const Data& train, const Data& test,
            attack_report& report, const std::function<void(const attack_report&, const attack_row&)>& told) {
  const layer_list list = layers_of(options, outputs_of(options));
  const auto held = std::make_unique<loaded>(list, request.run);
  report.closed = accuracy_of(held->model, test);
  if (!request.open.empty())
    report.open = accuracy_of(std::make_unique<loaded>(list, request.open)->model, test);
  const auto chosen = chosen_layers(request.run);
  for (std::uint64_t seed = 0; seed < request.seeds; ++seed)
    for (const std::int64_t samples : request.samples) {
      const relearn_budget budget{
          .samples = samples,
          .updates = request.updates,
          .rates = request.rates,
          .statistics = meaning_of(statistics_names, request.statistics, "--batch-statistics"),
          .seed = seed};
      const auto with = [&](relearnt what) {
        return relearn(held->model, list, what, inserted_of(request.insert), chosen, train, test, budget);
      };
      const double floor = with(relearnt::scratch).accuracy;
      for (const std::string& what : request.what) {
        const relearn_result found = with(what_of(what));
        report.rows.push_back({what, samples, seed, found.accuracy, found.rate, floor});
        told(report, report.rows.back());
      }
    }
}

}  // namespace

attack_report attack_on_cpu(const run_options& options, const attack_options& request,
                            const std::function<void(const attack_report&, const attack_row&)>& told) {
  attack_report report;
  with_data(options, [&](const auto& load) {
    const auto train = load(split::train);
    if constexpr (SequenceDataset<std::remove_cvref_t<decltype(train)>>) {
      fail("flag.165", "attack", "found a run of text; expected one of images or features");
    } else {
      const auto test = load(split::test);
      attack(options, request, train, test, report, told);
    }
  });
  return report;
}
