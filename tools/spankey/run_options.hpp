// Everything that a run of the program depends on: the flags, their defaults, and config.json.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "spankey/inject/runtime.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/loss/deny/deny.hpp"
#include "spankey/train/evaluate.hpp"
#include "spankey/train/evaluate_text.hpp"
#include "spankey/train/trainer.hpp"

class flag_set;

/// The values of the flags, by their names; strings where the flag is a choice. What a run does where its flags say
/// nothing depends on its data and regime (recipes.hpp); the values here are those of glyphs in the reference.
struct run_options {
  std::string recipe;  // empty: the data set's
  std::string regime = "sound";
  std::string data = "glyphs";
  std::string images, labels, test_images, test_labels, layout;  // of --data npy
  std::int64_t resize = 0;                                       // pixels a side, 0: as they are
  std::string text, test_text;                                   // of --data text
  double test_share = 0;                                         // of a text, 0: a tenth
  std::vector<int> sample;                                       // C, H, W; empty: the data set's
  std::int64_t classes = 0;                                      // 0: the data set's
  std::vector<double> mean, deviation;  // of pixel/255, one a channel; empty: the data set's
  std::string model = "resnet18";
  std::int64_t context = 0, channels = 0, layers = 0, heads = 0;  // of gpt and llama; 0: as they are
  std::int64_t kv_heads = 0, hidden = 0;                          // of llama, as are the next
  double rope_theta = 0, norm_epsilon = 0;
  std::int64_t vocabulary = 0;  // of a tokenizer in the run's folder (run_tokens.hpp); 0: bytes
  std::string inject = "mul";
  double gamma = 2.0;
  std::vector<int> sites = {0, 2, 3, 4};
  std::string key_shape;  // empty: a number an element
  std::int64_t subspace_dim = 32;
  std::string basis = "uniform";
  std::string coefficients = "unit_cube";
  double offset = 0.5, spread = 0.5;
  bool per_site_key = false;
  bool per_site_basis = false;
  double key_std = 1.0;
  std::string rescale = "pooled";
  std::int64_t syndrome_rows = 0;  // that keys are asked by, 0: none
  double syndrome_limit = 0;
  std::string invalid = "gaussian";
  std::string invalid_mixture;
  std::string deny = "B";
  double gap = 0.3, margin1 = 1.0, margin2 = 0.5, seal_weight = 1.0;
  double deny_weight = 0.1;
  std::string deny_on = "wrong";
  std::uint64_t deny_warmup = 0;
  std::string batch_statistics = "per_group";
  std::uint64_t epochs = 40;
  std::int64_t batch = 128;
  std::int64_t parts = 0;       // of a batch; 0: one, or one for every process
  std::string gradient_format;  // of the parts' gradients, where they are added up; empty: fp32
  std::string optimizer = "sgd";
  double lr = 0.1;
  double momentum = 0.9;
  double filter_momentum = 0;   // of muon; 0: its own default
  std::uint64_t lookahead = 0;  // updates between two averages; 0: none
  double beta2 = 0;             // of adam, 0: 0.999
  double clip_norm = 0;         // of all gradients together, 0: none
  double weight_decay = 5e-4;
  std::string decay_of, rate_of, freeze;
  std::string whiten;    // a layer
  double smoothing = 0;  // of the labels
  std::string augment;   // empty: the data set's
  std::string schedule = "step";
  std::vector<double> milestones = {0.5, 0.75};
  double warm_up = 0, lr_end = 0;  // shares of the run and of the rate
  std::string precision = "fp32";
  std::int64_t threads = 0;  // 0: all
  std::string device = "cpu";
  std::uint64_t seed = 0;
  std::optional<std::uint64_t> key_seed;         // never written to config.json
  std::int64_t train_limit = 0, test_limit = 0;  // 0: all
  std::int64_t eval_keys = 100, eval_images = 500;
  std::string families = "gaussian";
  std::string views;  // empty: one
  std::string nonfinite = "stop";
  std::uint64_t eval_every = 0;  // epochs; 0: at the end of the run only
  std::string init;  // a run's folder or a safetensors file whose weights the training begins with
  // Of this machine and this call: not in config.json.
  std::string data_root = "data", out, resume;
  std::string require;  // of the gate: gate_requirement.hpp
  double checkpoint_seconds = 300;
  spankey::process_group* processes = nullptr;  // that were started together (processes.hpp)

  [[nodiscard]] std::int64_t part_count() const { return parts == 0 ? 1 : parts; }
  [[nodiscard]] bool keyed() const { return inject != "none"; }
  /// Keys are let in or not before anything else, as `spankey lock --kind syndrome` wants it.
  [[nodiscard]] bool asks_keys() const { return syndrome_rows > 0; }
  [[nodiscard]] bool adam() const { return optimizer == "adam" || optimizer == "adamw"; }
  [[nodiscard]] spankey::runtime injector() const;
  [[nodiscard]] spankey::key_space_config key_space() const;
  [[nodiscard]] spankey::schedule rate() const;
  [[nodiscard]] spankey::deny_on groups() const;
  [[nodiscard]] spankey::batch_statistics statistics() const;
  [[nodiscard]] spankey::training_options training(const spankey::augmentation& of_images) const;
  [[nodiscard]] spankey::evaluation_options evaluation() const;
  /// The same of a network of tokens.
  [[nodiscard]] spankey::text_evaluation_options text_evaluation() const;
  /// What --eval-every looks at: at most 10 keys.
  [[nodiscard]] run_options of_epoch() const;
};

/// Adds the flags of a training run (settings.hpp), bound to `options`; every value is checked while parsing.
void declare_training_flags(flag_set& flags, run_options& options);

/// After parsing: flags that were not given get the values of the run's recipe.
void apply_recipe(flag_set& flags, run_options& options);

/// What help says before the flags of a run: whose values stand there.
std::string help_introduction(const run_options& options);
/// Every flag of a run with its value, a line each, and where it comes from: given, the recipe, or fixed.
std::string flag_text(const flag_set& flags, const run_options& options);

/// The options of a run that was given `given`, by the names of its flags, and nothing else. Fails with config.1xx.
run_options options_given(const nlohmann::json& given, const std::string& where);

/// Combinations that make no sense: fails with flag.1xx, naming the flag and what is allowed.
void require_consistent(const run_options& options);

/// What training refuses and a finished run may have: fails with what require_schedule fails with, and with flag.180.
void require_trainable(const run_options& options);

/// After parsing --resume: the run's own options, with what is of this machine from `options`. Fails with flag.125 where
/// another flag was given, and with config.1xx.
run_options options_to_resume(const flag_set& flags, const run_options& options);

/// config.json: everything but --threads, --device, --data-root, --out, --checkpoint-seconds and the key seed. Fails with
/// config.1xx on a bad file. What newer versions added may be missing: then it is as it was before.
nlohmann::json to_json(const run_options& options);
run_options from_json(const nlohmann::json& config, const std::string& file);
