// The program's commands. Each returns the process's exit status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "run_options.hpp"
#include "sealed_key_flags.hpp"

/// What --device may say.
inline const std::vector<std::string> device_names = {"cpu", "cuda"};

/// A new run; one that goes on where an interrupted one of the same configuration stopped, if there is one; or only that.
enum class start_of_run { fresh, may_continue, resumed };

/// Trains, evaluates and writes the run folder. The status is 128 + its number where a signal ended it: it can go on.
int train(const run_options& options);

/// The same in a folder where the run may have begun before.
int train_or_continue(const run_options& options);

/// Goes on with the interrupted run in --out. Fails with flag.126 where it has no keys.
int resume(const run_options& options);

/// What `eval` may change against the run's own config.json.
struct eval_options {
  std::string run, data_root = "data";
  std::optional<std::int64_t> test_limit, eval_keys, eval_images;
  std::optional<std::string> families, views;
  std::int64_t threads = 0;
  std::string device = "cpu";
  std::string
      out;  // default: RUN/metrics.json, or where something is asked that the run does not ask another name
  std::string require;  // gate_requirement.hpp
};

/// Evaluates a finished run from its files alone; gate_fails where the gate does not keep what is required. Fails with
/// flag.124 where its training is not finished.
int evaluate(const eval_options& options);

/// What `report` shows, and where the page goes.
struct report_options {
  std::string folder;   // of a run or of a sweep
  std::string out;      // default: FOLDER/report.html
  std::string picture;  // instead of a page: a run's gate as one SVG picture
  bool dark = false;    // the picture's colours
  std::string metrics;  // of a run, default: FOLDER/metrics.json
};

/// Writes the results of a run or a sweep as one page of HTML, or as a picture. Fails with report.1xx.
int report(const report_options& request);

/// Prints what would run: `flags` (flag_text), kernels, threads, model, memory plan; with `measure` also the memory that
/// one step takes.
int describe_run(const run_options& options, bool measure, const std::string& flags);

struct sweep_options {
  std::string file, out, data_root = "data";
  std::int64_t threads = 0;
  double checkpoint_seconds = 300, stale_after = 60;
  std::string require;  // of every cell: gate_requirement.hpp
};

/// Runs every cell of an experiment that is not finished yet, and writes their results.
/// Fails with sweep.1xx and experiment.1xx. Several processes may call it with one folder at a time.
int sweep(const sweep_options& options);

/// What `convert` makes of a finished run. Empty names: not asked for.
struct convert_options {
  std::string run, data_root = "data";
  std::vector<std::string> weights = {"fp32"};  // fp32, bf16, int8
  std::string out, header, name = "weights", key_out, key_header;
  std::uint64_t key_index = 0;
  double key_bound =
      0.9;  // of the mean accuracy of valid keys: below it the next candidate is tried; 0: none is
  std::int64_t key_images = 500;  // that a candidate is tried on
  bool evaluate = false;
  std::optional<std::int64_t> test_limit;
  std::int64_t threads = 0;

  [[nodiscard]] bool wants_key() const { return !key_out.empty() || !key_header.empty(); }
};

/// Writes a run's weights as inference reads them and one of its keys, which was tried on test images, and compares the
/// accuracies. A key file (key/key_file.hpp) is what session.bind_file wants. "-", a FIFO or a descriptor (/dev/fd/N) is
/// written as it stands. Fails with flag.117 to flag.122, flag.129, key.124, key.125.
int convert(const convert_options& request);

struct predict_options {
  std::string run, key;  // the number of a key, or a key file; empty: none
  std::vector<std::string> inputs;
  bool json = false, normalised = false;
  std::int64_t threads = 0;
  sealed_key_flags opens;
};

/// The status of `predict` where a sample was refused; 0 where all were answered.
inline constexpr int some_refused = 3;

/// Answers to the samples of files, a line each.
int predict(const predict_options& request);

struct generate_options {
  std::string run, key,
      invalid;          // the number of a key, or a key file; or a family of invalid keys; empty: no key
  std::string release;  // instead of a run: the folder of a release
  std::string prompt, score, weights = "fp32";
  std::int64_t tokens = 200, top_k = 0, threads = 0;
  double temperature = 0.8;
  std::uint64_t seed = 0;
  bool ignore_refusal = false, time = false;
  sealed_key_flags opens;
};

/// Writes what a run's network of tokens, or a release of it, makes of a prompt, token by token, as long as it does not refuse; or
/// how well it foretells a file. Status 3 where it refused. Fails with flag.158 to flag.160, flag.220, flag.234, release.1xx, and as
/// predict does.
int generate(const generate_options& request);

/// The lock's file in the folder of a locked run.
inline constexpr const char* lock_file_name = "lock.safetensors";

/// What `lock` and `unlock` make of a run.
struct lock_options {
  std::string run, out, key;  // folders, and the file of a master key; none: a run with keys gets a syndrome
  std::string kind = "entangled", data_root = "data";
  std::vector<std::string> layers;  // empty: every one that can be locked
  double share = 1;                 // masked: of the weights, those that are worth most
  std::int64_t score_samples = 1024;
  bool whiten = false, keep_norms = false;
  bool any_key = false;    // unlock: go on with a wrong key
  sealed_key_flags opens;  // unlock: a sealed --key
  std::string old_key;     // lock, of a locked run: the file of the key that it is locked under
  // syndrome; the sites and what a key is are of a run without keys, which gets some.
  std::int64_t rows = 32, subspace_dim = 16;
  double limit = 1e-6;
  std::vector<int> sites = {0};
  std::string key_shape;
};

/// The kinds of locks.
inline const std::vector<std::string> lock_kinds = {"entangled", "masked", "syndrome"};

/// Writes a new master key into a file of its own. Fails with io.117 where the name is taken.
int draw_key(const std::string& out);
/// Writes the run folder of the network, locked under a master key, or with a syndrome that asks keys first. Fails with
/// flag.162, flag.163, flag.167, flag.168, flag.182 to flag.184, flag.216, key_file.111 to .113, lock.104 to lock.112.
int lock(const lock_options& request);
/// The inverse. Fails with flag.164, flag.169, key_file.111 to .113, lock.102, lock.103, lock.106.
int unlock(const lock_options& request);

/// Weights from elsewhere: safetensors with PyTorch's names, or a GGUF. The network's head follows from `deny`.
struct import_options {
  std::string model, weights, gguf, out;
  std::optional<std::int64_t> context;  // of a GGUF: its window, if not shorter; else 2048
  std::string data;                     // default: the model's usual data set
  run_options own_data;                 // its flags of a user's own data (own_data_flags), and nothing else
  std::vector<double> mean, deviation;  // of pixel/255; empty: the data set's
  std::string inject = "none", deny, key_space;
  double gamma = 2;
};

/// Makes the run folder of weights that were trained elsewhere, for eval and convert. Fails with flag.123, flag.232.
int import_weights(const import_options& request);
/// The same of a language model in a GGUF, for generate and lock. Fails with gguf.1xx, tokenizer.1xx, flag.233.
int import_gguf(const import_options& request);
