// spankey: train, gate, evaluate, convert and report on a key-gated network. `spankey --help`, `spankey train --help`.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "commands.hpp"
#include "convert_flags.hpp"
#include "flag_checks.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/version.hpp"
#include "stop_signal.hpp"

namespace {

int refuse(const CLI::App& app, const CLI::ParseError& problem) {
  const auto chosen = app.get_subcommands();
  const std::string message =
      chosen.empty()
          ? "expected a command: train, eval, convert, import, sweep, report or describe (see spankey --help)"
          : one_line(problem) + " (see spankey " + chosen.front()->get_name() + " --help)";
  std::fprintf(stderr, "[spankey.flag.100] %s\n", spankey::on_one_line(message).c_str());
  return 2;
}

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

int run_program(int argc, char** argv) {
  CLI::App app("spankey " SPANKEY_VERSION_STRING
               ": train, gate and evaluate key-gated neural networks on a CPU");
  app.require_subcommand(1);
  app.set_version_flag("--version", SPANKEY_VERSION_STRING);

  run_options options;
  CLI::App* train_app =
      app.add_subcommand("train", "train a network, evaluate its gate, write the run folder");
  declare_training_flags(*train_app, options);
  train_app->add_option("--out", options.out, "run folder: new or empty (default: runs/...)");
  train_app->add_option(
      "--resume", options.resume,
      "go on with the interrupted run in this folder; beside it only --threads, --device, --data-root "
      "and --checkpoint-seconds");
  const CLI::Validator seconds_allowed = from_to(0.0, 1e9);
  const char* const seconds_text = "save at least this often, and after every epoch; 0: after every step";
  train_app->add_option("--checkpoint-seconds", options.checkpoint_seconds, seconds_text)
      ->check(seconds_allowed)
      ->capture_default_str();

  run_options described;
  CLI::App* describe_app =
      app.add_subcommand("describe", "print kernels, threads and the memory plan of a run");
  declare_training_flags(*describe_app, described);
  bool measure = false;
  describe_app->add_flag("--measure", measure,
                         "also run one step on drawn samples and print its peak memory beside the plan");

  constexpr std::int64_t most = (std::int64_t{1} << 30) - 1;
  const CLI::Validator threads_allowed = from_to<std::int64_t>(0, most);
  eval_options request;
  CLI::App* eval_app = app.add_subcommand("eval", "evaluate a run from its files alone");
  eval_app->add_option("--run", request.run, "run folder")->required();
  eval_app->add_option("--data-root", request.data_root, "folder of the data sets")->capture_default_str();
  eval_app->add_option("--test-limit", request.test_limit, "first test samples only")
      ->check(from_to<std::int64_t>(0, most));
  eval_app
      ->add_option("--eval-keys", request.eval_keys, "valid keys, and as many of each family of invalid ones")
      ->check(from_to<std::int64_t>(1, most));
  eval_app->add_option("--eval-images", request.eval_images, "test samples that each key sees")
      ->check(from_to<std::int64_t>(1, most));
  eval_app->add_option("--families", request.families, "invalid keys: FAMILY[@NUMBER],... or all");
  eval_app->add_option("--threads", request.threads, "threads, 0: all")->check(threads_allowed);
  eval_app->add_option("--device", request.device, "what computes: the processor, or an NVIDIA GPU")
      ->check(CLI::IsMember(device_names))
      ->capture_default_str();
  eval_app->add_option("--out", request.out, "metrics file (default: RUN/metrics.json)");

  convert_options conversion;
  CLI::App* convert_app =
      app.add_subcommand("convert", "write a run's weights and a key as inference reads them");
  declare_convert_flags(*convert_app, conversion);

  import_options imported;
  CLI::App* import_app =
      app.add_subcommand("import", "make a run folder of weights that PyTorch trained (safetensors)");
  declare_import_flags(*import_app, imported);

  sweep_options swept;
  CLI::App* sweep_app =
      app.add_subcommand("sweep", "run a file of experiments; interrupted, go on where it stopped");
  sweep_app->add_option("file", swept.file, "experiment (examples/experiments)")->required();
  sweep_app->add_option("--out", swept.out, "folder of the sweep: new, or of the same experiment")
      ->required();
  sweep_app->add_option("--data-root", swept.data_root, "folder of the data sets")->capture_default_str();
  sweep_app->add_option("--threads", swept.threads, "threads, 0: all")->check(threads_allowed);
  sweep_app->add_option("--checkpoint-seconds", swept.checkpoint_seconds, seconds_text)
      ->check(seconds_allowed)
      ->capture_default_str();

  report_options reported;
  CLI::App* report_app =
      app.add_subcommand("report", "write the results of a run or a sweep as one page of HTML");
  report_app->add_option("DIR", reported.folder, "folder of a run, or of a sweep")->required();
  report_app->add_option("--out", reported.out, "page (default: DIR/report.html)");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& problem) {
    return refuse(app, problem);
  }

  for (const auto& [chosen, flags] : {std::pair(train_app, &options), std::pair(describe_app, &described)})
    if (chosen->parsed() && flags->resume.empty()) apply_recipe(*chosen, *flags);
  if (!options.resume.empty()) options = options_to_resume(*train_app, options);
  const std::int64_t threads = train_app->parsed()     ? options.threads
                               : eval_app->parsed()    ? request.threads
                               : convert_app->parsed() ? conversion.threads
                               : sweep_app->parsed()   ? swept.threads
                                                       : described.threads;
  std::optional<spankey::thread_limit> limit;
  if (threads > 0) limit.emplace(threads);
  if (train_app->parsed()) return train_app->count("--resume") > 0 ? resume(options) : train(options);
  if (eval_app->parsed()) return evaluate(request);
  if (convert_app->parsed()) return convert(conversion);
  if (import_app->parsed()) return import_weights(imported);
  if (sweep_app->parsed()) return sweep(swept);
  if (report_app->parsed()) return report(reported);
  return describe_run(described, measure);
}

}  // namespace

int main(int argc, char** argv) {
  install_stop_signals();
  std::set_terminate(&on_terminate);
  try {
    return run_program(argc, argv);
  } catch (...) {
    return end_with(std::current_exception());
  }
}
