// spankey: train, gate, evaluate, convert and report on a key-gated network. `spankey --help`, `spankey train --help`.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <string>

#include "command_line.hpp"
#include "commands.hpp"
#include "convert_flags.hpp"
#include "keys.hpp"
#include "processes.hpp"
#include "proposed_command.hpp"
#include "release.hpp"
#include "release_games.hpp"
#include "settings.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/version.hpp"
#include "standard_streams.hpp"
#include "stop_signal.hpp"

namespace {

// The last word of a program that cannot go on, and where no memory is left to say it with.
int end_with(const std::exception_ptr& problem) {
  try {
    if (problem) std::rethrow_exception(problem);
    std::fputs("[spankey.system.101] the program ended itself\n", stderr);
  } catch (const std::bad_alloc&) {
    std::fputs("[spankey.memory.103] out of memory\n", stderr);
  } catch (const spankey::error& known) {
    std::fprintf(stderr, "%s\n", known.what());
  } catch (const std::exception& other) {
    std::fprintf(stderr, "[spankey.system.101] %s\n", spankey::on_one_line(other.what()).c_str());
  } catch (...) {
    std::fputs("[spankey.system.101] an exception without a text\n", stderr);
  }
  return 2;
}

// Where an exception meets a function that promised none (of a library, or on another thread): the same line and status.
[[noreturn]] void on_terminate() { std::_Exit(end_with(std::current_exception())); }

constexpr const char* seconds_text = "save at least this often, and after every epoch; 0: after every step";

void declare_train_flags(flag_set& flags, run_options& options) {
  declare_training_flags(flags, options);
  flags.add_option("--out", options.out, "run folder: new or empty (default: runs/...)")
      ->check(path_text("FOLDER"));
  declare_require_flag(flags, options.require);
  flags
      .add_option("--resume", options.resume,
                  "go on with the interrupted run in this folder; beside it only --threads, --device, "
                  "--data-root, --require and "
                  "--checkpoint-seconds")
      ->check(path_text("FOLDER"));
  flags.add_option("--checkpoint-seconds", options.checkpoint_seconds, seconds_text)
      ->check(from_to(0.0, 1e9));
}

void declare_eval_flags(flag_set& flags, eval_options& request) {
  flags.add_option("--run", request.run, "run folder")->check(path_text("FOLDER"))->required();
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags
      .add_option("--test-limit", request.test_limit, "first test samples only, 0: all (default: the run's)")
      ->check(allowed_for("test-limit"));
  flags
      .add_option("--eval-keys", request.eval_keys,
                  "valid keys, and as many of each family of invalid ones (default: the run's)")
      ->check(allowed_for("eval-keys"));
  flags
      .add_option("--eval-images", request.eval_images,
                  "test samples that each key sees (default: the run's)")
      ->check(allowed_for("eval-images"));
  flags
      .add_option("--families", request.families,
                  "invalid keys: FAMILY[@NUMBER],... or all (default: the run's)")
      ->check(allowed_for("families"));
  flags
      .add_option("--views", request.views,
                  "copies of a test image whose logits are averaged: one, mirrored, or mirrored+shifted "
                  "(default: the run's)")
      ->check(allowed_for("views"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
  flags.add_option("--device", request.device, "what computes: the processor, or an NVIDIA GPU")
      ->check(allowed_for("device"));
  flags
      .add_option(
          "--out", request.out,
          "metrics file (default: RUN/metrics.json, or one that is named after what is asked otherwise)")
      ->check(path_text("FILE"));
  declare_require_flag(flags, request.require);
}

void declare_sweep_flags(flag_set& flags, sweep_options& request) {
  flags.add_option("FILE", request.file, "experiment (examples/experiments)")
      ->check(path_text("FILE"))
      ->required();
  flags.add_option("--out", request.out, "folder of the sweep: new, or of the same experiment")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
  flags.add_option("--checkpoint-seconds", request.checkpoint_seconds, seconds_text)
      ->check(from_to(0.0, 1e9));
  flags
      .add_option(
          "--stale-after", request.stale_after,
          "seconds without a sign of life after which another process of this sweep takes over the cell "
          "that this one is at work on")
      ->check(from_to(0.1, 1e6));
  declare_require_flag(flags, request.require);
}

void declare_report_flags(flag_set& flags, report_options& request) {
  flags.add_option("DIR", request.folder, "folder of a run, or of a sweep")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--out", request.out, "page (default: DIR/report.html)")->check(path_text("FILE"));
  flags
      .add_option(
          "--picture", request.picture,
          "instead of the page: a run's gate as one SVG picture (of a run evaluated with --families all)")
      ->check(path_text("FILE"));
  flags.add_flag("--dark", request.dark, "colours of the picture for a dark page");
  flags
      .add_option("--metrics", request.metrics,
                  "of a run: another evaluation's file (default: DIR/metrics.json)")
      ->check(path_text("FILE"));
}

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return 0;
}

// Says in `text` what stdout is to the command.
int run_program(int argc, char** argv, output_text& text) {
  command_line line;
  run_options options, described;
  eval_options request;
  convert_options conversion;
  import_options imported;
  predict_options asked;
  generate_options written;
  sweep_options swept;
  report_options reported;
  lock_options locked;
  relearn_options relearnt_run;
  attack_options attacked;
  diagnose_options diagnosed;
  kotg_options asked_roles;
  keys_options ring_asked;
  release_options released;
  extract_options extracted;
  release_games_options release_played;
  std::string key_out;
  bool measure = false;
  flag_set& train_flags = line.add("train", "train a network, evaluate its gate, write the run folder");
  flag_set& eval_flags = line.add("eval", "evaluate a run from its files alone");
  flag_set& predict_flags = line.add(
      "predict",
      "answer to images or features from files: class, refused or not; status 3 where one was refused");
  flag_set& generate_flags = line.add(
      "generate", "let a network of tokens write text, under a key or none; status 3 where it refused");
  flag_set& convert_flags = line.add("convert", "write a run's weights and a key as inference reads them");
  flag_set& import_flags =
      line.add("import", "make a run folder of weights that PyTorch trained (safetensors)");
  flag_set& keygen_flags = line.add("keygen", "draw a master key for lock");
  flag_set& lock_flags =
      line.add("lock", "lock a run's weights under a master key, without training and without data");
  flag_set& unlock_flags = line.add("unlock", "give a locked run's weights back, with its key");
  flag_set& release_flags =
      line.add("release", "hand out something that answers as a run does, and is not its weights");
  flag_set& extract_flags = line.add("extract", "make a run folder of the weights that a release gives away");
  flag_set& release_games_flags =
      line.add("release-games", "games about releases: what each scheme gives away, with intervals");
  flag_set& relearn_flags =
      line.add("relearn", "what somebody makes of a run's weights with a few labelled samples");
  flag_set& attack_flags =
      line.add("attack", "games against a run's gate: what each attack gains, within a budget");
  flag_set& diagnose_flags =
      line.add("diagnose", "what a gated run's keys are made of, and what its network hears of them");
  flag_set& kotg_flags = line.add(
      "kotg", "roles that a network of tokens serves under their keys: its claims and attacks, measured");
  flag_set& keys_flags = line.add(
      "keys", "customers' keys: issue, seal, check, rotate, revoke, trace; status 3 where one is refused");
  flag_set& sweep_flags = line.add("sweep", "run a file of experiments; interrupted, go on where it stopped");
  flag_set& report_flags = line.add("report", "write the results of a run or a sweep as one page of HTML");
  flag_set& describe_flags =
      line.add("describe", "print the flags, kernels, threads and the memory plan of a run, and run nothing");
  declare_train_flags(train_flags, options);
  declare_eval_flags(eval_flags, request);
  declare_predict_flags(predict_flags, asked);
  declare_generate_flags(generate_flags, written);
  declare_convert_flags(convert_flags, conversion);
  declare_import_flags(import_flags, imported);
  declare_keygen_flags(keygen_flags, key_out);
  declare_lock_flags(lock_flags, locked);
  declare_unlock_flags(unlock_flags, locked);
  declare_release_flags(release_flags, released);
  declare_extract_flags(extract_flags, extracted);
  declare_release_games_flags(release_games_flags, release_played);
  declare_relearn_flags(relearn_flags, relearnt_run);
  declare_attack_flags(attack_flags, attacked);
  declare_diagnose_flags(diagnose_flags, diagnosed);
  declare_kotg_flags(kotg_flags, asked_roles);
  declare_keys_flags(keys_flags, ring_asked);
  declare_sweep_flags(sweep_flags, swept);
  declare_report_flags(report_flags, reported);
  describe_flags.add_flag("--measure", measure,
                          "also run one step on drawn samples and print its peak memory beside the plan");
  declare_training_flags(describe_flags, described);

  const command_wish wish = line.parse(argc, argv);
  const flag_set* const chosen = wish.command;
  if (wish.version) return print(SPANKEY_VERSION_STRING "\n");
  if (chosen == nullptr) {
    print("spankey " SPANKEY_VERSION_STRING
          ": train, gate and evaluate key-gated neural networks on a CPU\n\nusage: spankey COMMAND "
          "[flags]\n\n" +
          line.usage() +
          "\nspankey COMMAND --help lists a command's flags and what they are where nothing is given.\n");
    if (!wish.help) spankey::fail("flag.100", "spankey", "expected a command: ", line.names());
    return 0;
  }
  const bool trains = chosen == &train_flags, describes = chosen == &describe_flags;
  if (trains && options.resume.empty()) apply_recipe(train_flags, options);
  if (describes) apply_recipe(describe_flags, described);
  if (wish.help)
    return print(chosen->help(trains || describes ? help_introduction(trains ? options : described) : ""));
  for (const flag_set* writes :
       {&train_flags, &eval_flags, &convert_flags, &import_flags, &keygen_flags, &lock_flags, &unlock_flags,
        &release_flags, &extract_flags, &release_games_flags, &relearn_flags, &attack_flags, &diagnose_flags,
        &kotg_flags, &sweep_flags, &report_flags})
    if (chosen == writes) text = output_text::beside_files;
  if (chosen == &keys_flags && writes_files(ring_asked)) text = output_text::beside_files;
  if (!options.resume.empty()) options = options_to_resume(train_flags, options);
  const std::int64_t threads = trains                           ? options.threads
                               : chosen == &eval_flags          ? request.threads
                               : chosen == &predict_flags       ? asked.threads
                               : chosen == &generate_flags      ? written.threads
                               : chosen == &convert_flags       ? conversion.threads
                               : chosen == &release_flags       ? released.threads
                               : chosen == &extract_flags       ? extracted.threads
                               : chosen == &release_games_flags ? release_played.threads
                               : chosen == &relearn_flags       ? relearnt_run.threads
                               : chosen == &attack_flags        ? attacked.threads
                               : chosen == &diagnose_flags      ? diagnosed.threads
                               : chosen == &kotg_flags          ? asked_roles.threads
                               : chosen == &sweep_flags         ? swept.threads
                                                                : described.threads;
  std::optional<spankey::thread_limit> limit;
  if (threads > 0) limit.emplace(threads);
  if (trains) return train_flags.given("--resume") ? resume(options) : train(options);
  if (chosen == &eval_flags) return evaluate(request);
  if (chosen == &predict_flags) return predict(asked);
  if (chosen == &generate_flags) return generate(written);
  if (chosen == &convert_flags) return convert(conversion);
  if (chosen == &import_flags) return import_weights(imported);
  if (chosen == &keygen_flags) return draw_key(key_out);
  if (chosen == &lock_flags) return lock(locked);
  if (chosen == &unlock_flags) return unlock(locked);
  for (const auto& [flags, command] :
       {std::pair{&relearn_flags, "relearn"}, std::pair{&release_games_flags, "release-games"}})
    if (chosen == flags) require_alone(command);
  if (chosen == &release_flags) return release(released);
  if (chosen == &extract_flags) return extract(extracted);
  if (chosen == &release_games_flags) return release_games(release_played);
  if (chosen == &relearn_flags) return relearn_run(relearnt_run);
  if (chosen == &attack_flags) return attack(attacked);
  if (chosen == &diagnose_flags) return diagnose(diagnosed);
  if (chosen == &kotg_flags) return kotg(asked_roles);
  if (chosen == &keys_flags) return keys(keys_flags, ring_asked);
  if (chosen == &sweep_flags) return sweep(swept);
  if (chosen == &report_flags) return report(reported);
  return describe_run(described, measure, flag_text(describe_flags, described));
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  install_stop_signals();
  std::set_terminate(&on_terminate);
  set_program_name(argv[0]);
  output_text text = output_text::all_there_is;
  int status = 0;
  try {
    status = run_program(argc, argv, text);
    leave_processes();
  } catch (...) {
    let_first_process_report();
    status = end_with(std::current_exception());
    end_other_processes(status);
  }
  return status_after_output(status, text);
}
