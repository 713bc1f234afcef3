#include <cstdio>
#include <filesystem>
#include <optional>

#include "commands.hpp"
#include "metrics_report.hpp"
#include "network.hpp"
#include "observers.hpp"
#include "spankey/backend/cpu/describe.hpp"
#include "spankey/checkpoint/atomic_file.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/train/trainer.hpp"

namespace {

namespace fs = std::filesystem;
using namespace spankey;

// Nobody's run is overwritten.
void require_free(const std::string& out) {
  std::error_code code;
  if (fs::exists(out, code) && (!fs::is_directory(out, code) || !fs::is_empty(out, code)))
    fail("flag.110", "--out", "'", out, "' is there already; expected a new or an empty folder");
}

// An empty folder for the run: the one that --out names, or the first free runs/<what it is>[-n].
fs::path make_run_folder(const run_options& options) {
  std::error_code code;
  if (!options.out.empty()) {
    require_free(options.out);
    fs::create_directories(options.out, code);
    if (code) fail("flag.111", "--out", "cannot create '", options.out, "': ", code.message());
    return options.out;
  }
  const std::string source = options.data == "glyphs" ? "glyphs" : "cifar10";
  const std::string base = "runs/" + source + "-" + options.inject + "-" + options.deny;
  for (int n = 1;; ++n) {
    const fs::path folder = n == 1 ? base : base + "-" + std::to_string(n);
    fs::create_directories("runs", code);
    if (!code && fs::create_directory(folder, code)) return folder;
    if (code || n == 10000) fail("flag.111", "--out", "cannot create '", folder.string(), "'; name a folder");
  }
}

// Passes every record to the terminal and to the log, and saves the weights after every epoch.
template <class Model>
struct run_watcher {
  Model& model;
  const fs::path& folder;
  json_log log;
  progress_line line;
  void on_step(const step_record& record) {
    log.on_step(record);
    line.on_step(record);
  }
  void on_epoch(const epoch_record& record) {
    log.on_epoch(record);
    line.on_epoch(record);
    save_weights(model, (folder / "weights.safetensors").string());
  }
};

template <class Deny, class Scalar>
int train_with(const run_options& options, Deny deny) {
  const image_dataset data = load_data(options, split::train), test = load_data(options, split::test);
  auto model = make_model<Deny, Scalar>(options);
  using model_type = keyed_resnet18<Deny, Scalar>;
  const objective<Deny> goal{
      .classes = semantic_classes, .weight = options.deny_weight, .on = options.groups(), .deny = deny};
  std::optional<key_space> keys;
  if (options.keyed()) keys.emplace(options.key_space(), sites_of<model_type>(options.sites));
  const arena memory(*model, goal.groups() * options.batch);
  initialise(*model, options.seed);
  trainer run(*model, goal, keys ? &*keys : nullptr, data,
              training_options{
                  .epochs = options.epochs,
                  .batch = options.batch,
                  .seed = options.seed,
                  .rate = options.rate(),
                  .optimizer = {.momentum = options.momentum,
                                .weight_decay = options.weight_decay,
                                .nesterov = options.momentum > 0},
                  // Glyphs are drawn at every position already; CIFAR-10 gets the usual crops and flips.
                  .augment = options.data == "glyphs" ? augmentation{} : augmentation{.pad = 4, .flip = true},
                  .invalid = parse_invalid(options.invalid),
                  .deny_warmup = options.deny_warmup});

  const fs::path folder = make_run_folder(options);
  write_file_atomically((folder / "config.json").string(), to_json(options).dump(2) + "\n",
                        file_mode::shared);
  if (keys) save_key_space(*keys, (folder / "key_space.safetensors").string());
  std::printf("%s\narena: %.1f MiB\n", describe().c_str(), static_cast<double>(memory.bytes()) / (1 << 20));
  run_watcher<model_type> watcher{*model, folder, json_log((folder / "log.jsonl").string()), {}};
  run.run(watcher);

  gate_evaluation evaluation(*model, keys ? &*keys : nullptr, test, options.batch,
                             evaluation_options{.keys = options.eval_keys,
                                                .images_per_key = options.eval_images,
                                                .invalid = parse_invalid(options.invalid),
                                                .seed = options.seed});
  const gate_report report = evaluation.run();
  write_file_atomically((folder / "metrics.json").string(), to_json(report).dump(2) + "\n",
                        file_mode::shared);
  std::printf("\n%s\nwrote %s/: config.json log.jsonl weights.safetensors %smetrics.json\n",
              table(report).c_str(), folder.c_str(), keys ? "key_space.safetensors (secret) " : "");
  return 0;
}

}  // namespace

int train(const run_options& options) {
  require_consistent(options);
  require_keys_fit(options);
  require_free(options.out);  // before any work
  return with_types(options, [&](auto deny, auto scalar) {
    return train_with<decltype(deny), decltype(scalar)>(options, deny);
  });
}
