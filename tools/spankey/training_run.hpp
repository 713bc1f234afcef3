// Training and evaluation on a device, in a precision. Included where run_functions are compiled.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "gate_requirement.hpp"
#include "initial_run.hpp"
#include "metrics_report.hpp"
#include "observers.hpp"
#include "proposed_command.hpp"
#include "run_folder.hpp"
#include "run_model.hpp"
#include "run_progress.hpp"
#include "run_syndrome.hpp"
#include "spankey/checkpoint/foreign_weights.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/folder_room.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/train/part_team.hpp"
#include "spankey/train/trainer.hpp"
#include "spankey/train/whiten.hpp"
#include "stop_signal.hpp"
#include "text_report.hpp"

/// Stop signals of all processes that train together: all end after the same step. Every part asks once a step.
class shared_signals {
 public:
  /// `part` is null where batches are not cut.
  explicit shared_signals(spankey::batch_part* part) : part_(part) {}
  /// The signal that ends the run after this step, or 0: that of another process is SIGTERM here.
  int agreed() {
    agreed_ = own();
    if (part_ == nullptr) return agreed_;
    const std::span<double> asked = part_->room(1);
    asked[0] = agreed_ != 0 ? 1 : 0;
    part_->add(asked);
    if (asked[0] != 0 && agreed_ == 0) agreed_ = SIGTERM;
    return agreed_;
  }
  [[nodiscard]] int own() const { return own_.stop(); }
  [[nodiscard]] int stop() const { return part_ == nullptr ? own() : agreed_; }

 private:
  spankey::batch_part* part_;
  finishes_step own_;
  int agreed_ = 0;
};

/// The same of a part that is not the first: it writes nothing, and takes part in what all do.
template <class Model, class Data>
class part_watcher {
 public:
  /// `shares_keys`: it is the first part of its process, whose evaluations it takes part in.
  part_watcher(Model& model, spankey::key_space* keys, const Data& test, const run_options& options,
               spankey::batch_part& part, bool shares_keys)
      : model_(model),
        keys_(keys),
        test_(test),
        options_(options),
        signals_(&part),
        shares_keys_(shares_keys) {}
  void on_step(const spankey::step_record&) {}
  void on_epoch(const spankey::epoch_record& record) {
    if (shares_keys_ && options_.eval_every != 0 && (record.epoch + 1) % options_.eval_every == 0)
      (void)evaluation_of(model_, keys_, test_, options_.of_epoch());
  }
  bool on_position(const spankey::training_position&) { return signals_.agreed() == 0; }

 private:
  Model& model_;
  spankey::key_space* keys_;
  const Data& test_;
  const run_options& options_;
  shared_signals signals_;
  bool shares_keys_;
};

/// Passes every record to the terminal and to the log; saves the weights after every epoch, and where the run could go on
/// from after every epoch, every --checkpoint-seconds and before a signal ends it; evaluates the gate as --eval-every says.
template <class Model, class Data>
class run_watcher {
 public:
  /// `keys` is null without a gate; `test`: what --eval-every looks at; `part` is null where batches are not cut.
  run_watcher(Model& model, spankey::key_space* keys, const Data& test, const run_options& options,
              const run_folder& folder, run_progress& progress, spankey::batch_part* part)
      : model_(model),
        keys_(keys),
        test_(test),
        options_(options),
        folder_(folder),
        progress_(progress),
        signals_(part),
        log_(folder.file("log.jsonl"), progress.log),
        line_(is_text(options.data) ? "windows" : "images") {}

  void on_step(const spankey::step_record& record) {
    log_.on_step(record);
    line_.on_step(record);
  }
  void on_epoch(const spankey::epoch_record& record) {
    log_.on_epoch(record);
    line_.on_epoch(record);
    spankey::save_weights(model_, folder_.file("weights.safetensors"));
    score_ = record.loss;
    if (options_.eval_every != 0 && (record.epoch + 1) % options_.eval_every == 0) evaluate(record.epoch);
  }
  bool wants_position() const { return signals_.own() != 0 || is_time(); }
  bool on_position(const spankey::training_position& at) {
    const int signal = signals_.agreed();
    if (at.step == 0 || signal != 0 || is_time()) save(at);
    return signal == 0;
  }
  /// The signal that ended the run, or 0.
  [[nodiscard]] int signal() const { return signals_.stop(); }

  void save(const spankey::training_position& at) {
    if (options_.nonfinite != "ignore") spankey::require_finite(model_);
    progress_.log = log_.flush();  // first: a checkpoint on the device has its log there too
    progress_.series.save(model_, {at, progress_.notes(options_)}, std::exchange(score_, std::nullopt));
    saved_ = clock::now();
  }

 private:
  using clock = std::chrono::steady_clock;

  [[nodiscard]] bool is_time() const {
    return std::chrono::duration<double>(clock::now() - saved_).count() >= options_.checkpoint_seconds;
  }
  // Draws and passes of an evaluation leave nothing behind that a step would read.
  void evaluate(std::uint64_t epoch) {
    const auto report = evaluation_of(model_, keys_, test_, options_.of_epoch());
    log_.on_gate(epoch, report);
    std::printf("%s\n", line_of(report).c_str());
    std::fflush(stdout);
  }

  Model& model_;
  spankey::key_space* keys_;
  const Data& test_;
  const run_options& options_;
  const run_folder& folder_;
  run_progress& progress_;
  shared_signals signals_;
  json_log log_;
  progress_line line_;
  clock::time_point saved_ = clock::now();
  std::optional<double> score_;
};

template <class Backend, class Scalar>
struct training_run {
  /// Trains, evaluates and writes the run folder; or goes on with what is in it.
  static int train(const run_options& options, start_of_run start) {
    int status = 0;
    with_data(options, [&](auto&& load) { status = train_on(options, start, load); });
    return status;
  }
  /// Evaluates a finished run from its files alone.
  static void evaluate(const run_options& options, const eval_options& request) {
    with_data(options, [&](auto&& load) { evaluate_on(options, request, load); });
  }

 private:
  using network_type = spankey::layered_network<Backend, Scalar>;

  template <class Load>
  static int train_on(const run_options& options, start_of_run start, const Load& load) {
    using namespace spankey;
    const auto data = load(split::train), test = load(split::test);
    if (options.processes == nullptr && options.part_count() == 1)
      return train_first(options, start, data, test, nullptr);
    int status = 0;
    const auto format = options.gradient_format == "bf16" ? gradient_format::bf16 : gradient_format::fp32;
    part_team team({.parts = options.part_count(), .format = format}, options.processes);
    team.run([&](batch_part& part) {
      if (part.number() == 0) {
        status = train_first(options, start, data, test, &part);
      } else {
        train_other(options, start, data, test, part, part.number() == team.first());
      }
    });
    return status;
  }

  static spankey::training_options training_of(const run_options& options, spankey::batch_part* part) {
    spankey::training_options training = options.training(augmentation_of(options));
    training.part = part;
    return training;
  }

  // A part of the batch whose model follows that of the first part.
  template <class Data>
  static void train_other(const run_options& options, start_of_run start, const Data& data, const Data& test,
                          spankey::batch_part& part, bool shares_keys) {
    using namespace spankey;
    const auto model = make_model<Backend, Scalar>(options);
    std::optional<key_space> keys = keys_of(*model, options, start);
    key_space* const own = keys ? &*keys : nullptr;
    const arena memory(*model, planned_samples(options, shares_keys));
    initialise(*model, options.seed);
    trainer run(*model, goal_of(options), own, data, training_of(options, &part));
    const training_position from = begin_together(*model, {}, part);
    part_watcher<network_type, Data> watcher(*model, own, test, options, part, shares_keys);
    if (run.run(watcher, from) && shares_keys) (void)evaluation_of(*model, own, test, options);
  }

  // Of a checkpoint only the first part knows where it was.
  static spankey::training_position begin_together(network_type& model, spankey::training_position from,
                                                   spankey::batch_part& part) {
    part.broadcast(std::as_writable_bytes(std::span(&from, 1)));
    spankey::broadcast_state(model, part);
    return from;
  }

  template <class Data>
  static int train_first(const run_options& options, start_of_run start, const Data& data, const Data& test,
                         spankey::batch_part* part) {
    using namespace spankey;
    const auto model = make_model<Backend, Scalar>(options);
    const objective<chosen_deny> goal = goal_of(options);
    std::optional<key_space> keys = keys_of(*model, options, start);
    const arena memory(*model, planned_samples(options, true));
    initialise(*model, options.seed);
    if constexpr (LabelledSamples<Data>) {
      if (!options.whiten.empty()) whiten(*model, options.whiten, data);
    }
    const loading_notes begins_with = load_initial(*model, options);
    trainer run(*model, goal, keys ? &*keys : nullptr, data, training_of(options, part));

    require_room(
        existing_folder_of(options.out),
        room_of(*model, keys, options.epochs * run.steps_per_epoch() + gate_lines(options), options.out));
    const run_folder folder(options, start);
    if (keys && !folder.has("key_space.safetensors"))
      save_key_space(*keys, folder.file("key_space.safetensors"));
    run_progress progress(folder.path(), checksum_of(data));
    training_position from = progress.load(*model, options);
    if (part != nullptr) from = begin_together(*model, from, *part);
    const std::string go_on = "; go on with: " + resume_command(folder.path(), options) + "\n";
    const last_words words("\nstopped by a signal" + go_on);  // of a cell, the sweep's are said
    for (const std::string& note : begins_with) std::printf("init: %s\n", note.c_str());
    std::printf("%s\narena: %.1f MiB\n", device_text<Backend>::text().c_str(),
                static_cast<double>(memory.bytes()) / (1 << 20));
    if (part != nullptr)
      std::printf("parts of a batch: %lld, on %lld processes\n", static_cast<long long>(options.part_count()),
                  static_cast<long long>(options.processes == nullptr ? 1 : options.processes->size()));
    if (from.steps > 0)
      std::printf("goes on after step %llu of epoch %llu\n", static_cast<unsigned long long>(from.step),
                  static_cast<unsigned long long>(from.epoch + 1));
    {
      run_watcher<network_type, Data> watcher(*model, keys ? &*keys : nullptr, test, options, folder,
                                              progress, part);
      if (from.epoch == options.epochs) save_weights(*model, folder.file("weights.safetensors"));
      // From here on the run needs nothing of what --init named.
      if (from.steps == 0 && !options.init.empty()) watcher.save(from);
      run.run(watcher, from);
      if (watcher.signal() != 0) {
        // Of a cell, the sweep says how it goes on.
        if (start != start_of_run::may_continue)
          std::printf("\nstopped by a signal, and saved%s", go_on.c_str());
        return status_of_signal(watcher.signal());
      }
    }
    write_metrics(options, *model, keys, test, folder.file("metrics.json"));
    progress.series.clear();  // the run is whole
    const int gate = gate_status(options, folder.file("metrics.json"));
    std::printf("wrote %s/: config.json log.jsonl weights.safetensors %smetrics.json\n",
                folder.path().c_str(), keys ? "key_space.safetensors (secret) " : "");
    return gate;
  }

  // The weights that the run begins with, where it has not begun. Fails with flag.145.
  static spankey::loading_notes load_initial(network_type& model, const run_options& options) {
    std::error_code code;
    const bool begun =
        std::filesystem::is_directory(options.out, code) && !spankey::checkpoints_in(options.out).empty();
    if (options.init.empty() || begun) return {};
    const std::string file = initial_weights(options);
    spankey::loading_notes notes = {"the weights of " + spankey::printable(file)};
    for (std::string& note : spankey::load_foreign_weights(model, file, spankey::head_of_file::may_differ))
      notes.push_back(std::move(note));
    return notes;
  }

  // Drawn once: a run that goes on has them in a file, whatever seed they came from.
  static std::optional<spankey::key_space> keys_of(const network_type& model, const run_options& options,
                                                   start_of_run start) {
    if (!options.keyed()) return std::nullopt;
    const std::filesystem::path file = std::filesystem::path(options.out) / "key_space.safetensors";
    std::error_code code;
    if (start != start_of_run::fresh && std::filesystem::exists(file, code))
      return read_keys(options, file.string());
    if (auto keys = initial_keys(options)) return keys;
    return spankey::key_space(options.key_space(), spankey::sites_of(model.site_shapes(), options.sites));
  }

  // What --eval-every adds to the log, counted in conditions.
  static std::uint64_t gate_lines(const run_options& options) {
    if (options.eval_every == 0) return 0;
    return options.epochs / options.eval_every * (2 + options.text_evaluation().invalid.size());
  }

  // Bytes that a run may have to write: three checkpoints and the one being written, less what is there already; the
  // weights, twice while they are replaced; the keys; the log, whose lines are shorter than 300 bytes, or 300 a condition.
  static std::uint64_t room_of(network_type& model, const std::optional<spankey::key_space>& keys,
                               std::uint64_t lines, const std::string& out) {
    using namespace spankey;
    std::uint64_t weights = 0, state = 0;
    const std::uint64_t parts = 1 + optimizer_parts(model).size();
    model.for_each_parameter([&](const scope&, auto& p) {
      weights += static_cast<std::uint64_t>(p.dims.size()) * sizeof(float);
      state += static_cast<std::uint64_t>(p.dims.size()) * sizeof(float) * parts;
    });
    std::uint64_t secret = 0;
    if (keys)
      for (const site& s : keys->sites())
        secret += static_cast<std::uint64_t>(keys->config().subspace_dim * s.shape.size()) * sizeof(float);
    std::error_code code;
    const std::uint64_t there =
        std::filesystem::is_directory(out, code) ? std::min<std::uint64_t>(3, checkpoints_in(out).size()) : 0;
    return (4 - there) * (state + 100000) + 2 * (weights + 100000) + secret + 300 * lines;
  }

  template <class Load>
  static void evaluate_on(const run_options& options, const eval_options& request, const Load& load) {
    using namespace spankey;
    const std::filesystem::path run(request.run);
    const auto test = load(split::test);
    const auto model = make_model<Backend, Scalar>(options);
    const arena memory(*model, options.batch);
    load_weights(*model, (run / "weights.safetensors").string());
    std::optional<key_space> keys;
    if (options.keyed()) keys.emplace(read_keys(options, (run / "key_space.safetensors").string()));
    const auto guards = guards_of<network_type>(*model, keys, options);
    if (options.processes != nullptr && options.processes->rank() != 0) {
      (void)evaluation_of(*model, keys ? &*keys : nullptr, test, options);
      return;
    }
    write_metrics(options, *model, keys, test, request.out);
    std::printf("wrote %s\n", request.out.c_str());
  }

  template <class Data>
  static void write_metrics(const run_options& options, network_type& model,
                            std::optional<spankey::key_space>& keys, const Data& test,
                            const std::string& file) {
    const auto report = evaluation_of(model, keys ? &*keys : nullptr, test, options);
    std::string metrics, legend;
    if constexpr (spankey::SequenceDataset<Data>) {
      metrics = metrics_text(report), legend = text_table_legend();
    } else {
      metrics = metrics_text(report, classes_of(options)), legend = table_legend();
    }
    spankey::write_file_atomically(file, metrics, spankey::file_mode::shared);
    std::printf("\n%s\n%s\n", table(report).c_str(), legend.c_str());
  }
};
