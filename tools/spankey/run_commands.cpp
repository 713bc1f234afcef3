// `train`, `eval` and `describe` on the command line.
#include <cstdint>
#include <string>

#include "commands.hpp"
#include "convert_flags.hpp"
#include "program_command.hpp"
#include "run_options.hpp"
#include "settings.hpp"

namespace {

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
  declare_checkpoint_seconds_flag(flags, options.checkpoint_seconds);
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

class train_line final : public opened_command {
 public:
  explicit train_line(flag_set& flags) { declare_train_flags(flags, options_); }
  void complete(flag_set& flags, bool help) override {
    if (options_.resume.empty())
      apply_recipe(flags, options_);
    else if (!help)
      options_ = options_to_resume(flags, options_);
  }
  [[nodiscard]] std::string introduction() const override { return help_introduction(options_); }
  [[nodiscard]] std::int64_t threads() const override { return options_.threads; }
  int run(const flag_set& flags) override {
    return flags.given("--resume") ? resume(options_) : train(options_);
  }

 private:
  run_options options_;
};

class describe_line final : public opened_command {
 public:
  explicit describe_line(flag_set& flags) {
    flags.add_flag("--measure", measure_,
                   "also run one step on drawn samples and print its peak memory beside the plan");
    declare_training_flags(flags, options_);
  }
  void complete(flag_set& flags, bool) override { apply_recipe(flags, options_); }
  [[nodiscard]] std::string introduction() const override { return help_introduction(options_); }
  [[nodiscard]] output_text text() const override { return output_text::all_there_is; }
  [[nodiscard]] std::int64_t threads() const override { return options_.threads; }
  int run(const flag_set& flags) override {
    return describe_run(options_, measure_, flag_text(flags, options_));
  }

 private:
  run_options options_;
  bool measure_ = false;
};

}  // namespace

program_command train_entry() {
  return {"train", "train a network, evaluate its gate, write the run folder", &open_command<train_line>};
}
program_command eval_entry() {
  return plain<eval_options, declare_eval_flags, evaluate>("eval", "evaluate a run from its files alone");
}
program_command describe_entry() {
  return {"describe", "print the flags, kernels, threads and the memory plan of a run, and run nothing",
          &open_command<describe_line>};
}
