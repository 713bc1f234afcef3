#include <cstdio>
#include <filesystem>

#include "command_line.hpp"
#include "commands.hpp"
#include "data_sets.hpp"
#include "program_command.hpp"
#include "release.hpp"
#include "run_folder.hpp"
#include "settings.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/safetensors.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;
using spankey::printable;

run_options config_of(const std::string& folder, const std::string& data_root) {
  run_options options = read_config((fs::path(folder) / "config.json").string());
  options.data_root = data_root;
  return options;
}

// A finished run without keys and without a lock, of which `check` wants text.
void require_open_run(const run_options& options, const std::string& run, std::int64_t check) {
  if (!spankey::checkpoints_in(run).empty())
    fail("flag.163", "RUN", "'", printable(run), "' holds checkpoints: its training is not finished");
  std::error_code code;
  if (options.keyed() || fs::exists(fs::path(run) / lock_file_name, code))
    fail("flag.237", "RUN", "found a run ", options.keyed() ? "with keys" : "that is locked",
         ", expected one that answers without (a locked run's folder is what its owner hands out)");
  if (check > 0 && !is_text(options.data))
    fail("flag.236", "--check", "found it for ", options.model, ", expected a network that reads text");
}

void print_beside(const answers_beside& b, const char* what) {
  if (b.answers == 0) return;
  std::printf("beside the network: %lld of %lld prompts go on with the same 128 tokens\n",
              static_cast<long long>(b.identical), static_cast<long long>(b.prompts));
  std::printf("  %s over %lld tokens: KL %.3g, of the 32 likeliest %.3g, largest change of a logit %.3g\n",
              what, static_cast<long long>(b.answers), b.kl, b.top_kl, b.largest);
}

void declare_release_text_flags(flag_set& flags, release_text_options& text) {
  flags
      .add_option(
          "--text", text.file,
          "text instead of the run's own data, through its tokens: the first nine tenths calibrate, the "
          "rest is compared on")
      ->check(path_text("FILE"));
  flags.add_option("--window", text.window, "tokens of a window that is read; 0: the network's context")
      ->check(from_to<std::int64_t>(0, 1 << 20));
}

}  // namespace

void declare_release_flags(flag_set& flags, release_options& request) {
  flags.add_option("RUN", request.run, "run folder, finished, without keys")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--out", request.out, "folder of the release: new or empty")
      ->check(path_text("FOLDER"))
      ->required();
  flags
      .add_option(
          "--scheme", request.scheme,
          "taylor: MLPs as series, without their weights (which spankey extract finds); sums: of groups of "
          "neurons alone; identity: the weights; entangled, masked: locked")
      ->check(one_of(release_schemes));
  flags
      .add_option("--key", request.key, "SECRET, entangled, masked: file of the master key (spankey keygen)")
      ->check(path_text("FILE"))
      ->secret();
  flags.add_option("--order", request.order, "taylor, sums: of the series")
      ->check(from_to<std::int64_t>(0, 12));
  flags.add_option("--group", request.group, "sums: neurons of a group")->check(from_to<std::int64_t>(2, 4));
  flags
      .add_option("--share", request.share,
                  "taylor, sums: of the neurons, those that become series: the narrowest on calibration data")
      ->check(from_to(0.0, 1.0));
  flags
      .add_option(
          "--budget", request.budget,
          "taylor, sums: of these neurons those whose series errs at most so much there; 0: all of them")
      ->check(from_to(0.0, 1e9));
  flags.add_option("--precision", request.precision, "taylor, sums: of what is handed out")
      ->check(one_of({"fp32", "bf16"}));
  flags
      .add_option("--calibration", request.calibration,
                  "taylor, sums: tokens of training data that say how wide")
      ->check(from_to<std::int64_t>(1, 1 << 30));
  flags
      .add_option(
          "--seed", request.seed,
          "SECRET, taylor, sums: of what is drawn, to make the same release again (default: from the system)")
      ->check(from_to<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max()))
      ->secret();
  flags
      .add_option("--check", request.check,
                  "compare with the network on so many prompts of its test text, and time the MLPs; 0: no")
      ->check(from_to<std::int64_t>(0, 1 << 20));
  declare_release_text_flags(flags, request.text);
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
  declare_sealed_key_flags(flags, request.opens);
}

void declare_extract_flags(flag_set& flags, extract_options& request) {
  flags.add_option("RELEASE", request.release, "folder of a release")->check(path_text("FOLDER"))->required();
  flags.add_option("--out", request.out, "run folder of what was found: new or empty")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--truth", request.truth, "run folder of the network, to compare with")
      ->check(path_text("FOLDER"));
  flags
      .add_option("--check", request.check,
                  "with --truth: compare answers on so many prompts of its test text; 0: no")
      ->check(from_to<std::int64_t>(0, 1 << 20));
  declare_release_text_flags(flags, request.text);
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
}

int release(const release_options& request) {
  const run_options options = config_of(request.run, request.data_root);
  require_open_run(options, request.run, request.check);
  if (request.locks() == request.key.empty())
    fail("flag.240", "--key", request.locks() ? "expected" : "found",
         " the file of a master key with --scheme ", request.scheme,
         request.locks() ? ", found none" : ", expected one with entangled and masked alone");
  require_free(request.out);
  const release_summary found = release_on_cpu(options, request);
  if (found.mlps > 0) {
    std::printf("%lld MLPs: %lld of %lld neurons as series of order %lld\n",
                static_cast<long long>(found.mlps), static_cast<long long>(found.series),
                static_cast<long long>(found.neurons), static_cast<long long>(request.order));
    std::printf("work of the MLPs: %.2f times as many multiplications", found.work);
    if (request.check > 0) std::printf(", %.2f times the time, as busy as this machine is", found.seconds);
    std::printf("\n");
  }
  std::printf("handed out: %lld numbers, for %lld weights\n", static_cast<long long>(found.numbers),
              static_cast<long long>(found.weights));
  print_beside(found.beside, "the release");
  std::printf("wrote %s/: config.json %s%s%s\n", printable(request.out).c_str(), release_file_name,
              request.locks() ? " lock.safetensors" : "", options.vocabulary > 0 ? " tokenizer.gguf" : "");
  return 0;
}

int extract(const extract_options& request) {
  const run_options options = config_of(request.release, request.data_root);
  if (!request.truth.empty()) {
    const run_options truth = config_of(request.truth, request.data_root);
    if (truth.model != options.model)
      fail("flag.237", "--truth", "'", printable(request.truth), "' is a run of another network");
    require_open_run(truth, request.truth, request.check);
  } else if (request.check > 0) {
    fail("flag.236", "--check", "found it without --truth, the network to compare with");
  }
  require_free(request.out);
  const extract_summary found = extract_on_cpu(options, request);
  std::printf("%lld neurons in %.3f s, %lld failed\n", static_cast<long long>(found.neurons), found.seconds,
              static_cast<long long>(found.failed));
  std::printf("residuals: mean %.3g, p99 %.3g, most %.3g\n", found.residual, found.residual_p99,
              found.residual_most);
  if (found.compared) {
    std::printf("within 1 %%: %.6f of what was protected, %.6f of the MLPs\n", found.share,
                found.share_of_all);
    if (found.signs > 0)
      std::printf("signs right: %lld of %lld\n", static_cast<long long>(found.signs_right),
                  static_cast<long long>(found.signs));
    std::printf("errors of columns: p50 %.3g, p90 %.3g, p99 %.3g, most %.3g\n", found.p50, found.p90,
                found.p99, found.most);
    print_beside(found.beside, "what was found");
  }
  std::printf("wrote %s/: config.json weights.safetensors\n", printable(request.out).c_str());
  return 0;
}

program_command release_entry() {
  return plain<release_options, declare_release_flags, release>(
      "release", "hand out something that answers as a run does, and is not its weights");
}

program_command extract_entry() {
  return plain<extract_options, declare_extract_flags, extract>(
      "extract", "make a run folder of the weights that a release gives away");
}
