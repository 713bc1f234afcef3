// Training and evaluation of one network, with the types that its run names. Included by network_NAME.cpp alone.
#pragma once

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include "metrics_report.hpp"
#include "network_types.hpp"
#include "observers.hpp"
#include "run_folder.hpp"
#include "spankey/backend/cpu/describe.hpp"
#include "spankey/checkpoint/atomic_file.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/training_state.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/train/trainer.hpp"

/// What runs where a network's memory is. Specialised in cuda/network_on_cuda.hpp.
template <class Backend>
struct device_text {
  static std::string text() { return spankey::describe(); }
};

/// Passes every record to the terminal and to the log; after every epoch it saves the weights, and where the run could
/// go on from.
template <class Model>
struct run_watcher {
  Model& model;
  const run_folder& folder;
  json_log log;
  progress_line line;
  void on_step(const spankey::step_record& record) {
    log.on_step(record);
    line.on_step(record);
  }
  void on_epoch(const spankey::epoch_record& record) {
    log.on_epoch(record);
    line.on_epoch(record);
    spankey::save_weights(model, folder.file("weights.safetensors"));
    spankey::save_training_state(model, record.epoch + 1, folder.file("checkpoint.safetensors"));
  }
};

template <class Family>
struct network_commands {
  /// Trains, evaluates and writes the run folder; or goes on with what is in it.
  static void train(const run_options& options, start_of_run start) {
    with_types(options, [&](auto deny, auto scalar) { train_with<decltype(scalar)>(options, start, deny); });
  }
  /// Evaluates a finished run from its files alone.
  static void evaluate(const run_options& options, const eval_options& request) {
    with_types(options, [&](auto deny, auto scalar) {
      evaluate_with<decltype(deny), decltype(scalar)>(options, request);
    });
  }

 private:
  template <class Scalar, class Deny>
  static void train_with(const run_options& options, start_of_run start, Deny deny) {
    using namespace spankey;
    const auto data = Family::load(options, split::train), test = Family::load(options, split::test);
    auto model = Family::template make<Deny, Scalar>(options);
    using model_type = typename decltype(model)::element_type;
    const objective<Deny> goal{
        .classes = Family::classes, .weight = options.deny_weight, .on = options.groups(), .deny = deny};
    std::optional<key_space> keys;
    if (options.keyed()) keys.emplace(options.key_space(), sites_of<model_type>(options.sites));
    const arena memory(*model, goal.groups() * options.batch);
    initialise(*model, options.seed);
    trainer run(*model, goal, keys ? &*keys : nullptr, data, options.training(augmentation_of(options)));

    run_folder folder(options, start);
    std::uint64_t first = 0;
    if (folder.has("checkpoint.safetensors")) {
      first = load_training_state(*model, folder.file("checkpoint.safetensors"));
    } else if (keys) {
      save_key_space(*keys, folder.file("key_space.safetensors"));
    }
    std::printf("%s\narena: %.1f MiB\n", device_text<typename Family::backend>::text().c_str(),
                static_cast<double>(memory.bytes()) / (1 << 20));
    {
      run_watcher<model_type> watcher{*model, folder, json_log(folder.file("log.jsonl"), first), {}};
      run.run(watcher, first);
    }
    write_metrics(options, *model, keys, test, folder.file("metrics.json"));
    folder.remove("checkpoint.safetensors");  // the run is whole
    std::printf("wrote %s/: config.json log.jsonl weights.safetensors %smetrics.json\n",
                folder.path().c_str(), keys ? "key_space.safetensors (secret) " : "");
  }

  template <class Deny, class Scalar>
  static void evaluate_with(const run_options& options, const eval_options& request) {
    using namespace spankey;
    const std::filesystem::path run(request.run);
    const auto test = Family::load(options, split::test);
    auto model = Family::template make<Deny, Scalar>(options);
    const arena memory(*model, options.batch);
    load_weights(*model, (run / "weights.safetensors").string());
    std::optional<key_space> keys;
    if (options.keyed()) keys.emplace(read_keys(options, (run / "key_space.safetensors").string()));
    const std::string out = request.out.empty() ? (run / "metrics.json").string() : request.out;
    write_metrics(options, *model, keys, test, out);
    std::printf("wrote %s\n", out.c_str());
  }

  template <class Model, class Data>
  static void write_metrics(const run_options& options, Model& model, std::optional<spankey::key_space>& keys,
                            const Data& test, const std::string& file) {
    spankey::gate_evaluation evaluation(model, keys ? &*keys : nullptr, test, options.batch,
                                        options.evaluation());
    const spankey::gate_report report = evaluation.run();
    spankey::write_file_atomically(file, to_json(report, Family::classes).dump(2) + "\n",
                                   spankey::file_mode::shared);
    std::printf("\n%s\n", table(report).c_str());
  }
};
