#include "commands.hpp"

#include <cstdio>
#include <filesystem>

#include "gate_requirement.hpp"
#include "network.hpp"
#include "output_file.hpp"
#include "processes.hpp"
#include "proposed_command.hpp"
#include "run_data.hpp"
#include "run_folder.hpp"
#include "run_functions.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/folder_lock.hpp"

namespace {

// metrics.json answers what the run itself asks; another question has a file that is named after it, so that it never
// stands where a report expects the run's own figures.
std::string metrics_name(const run_options& own, const run_options& asked) {
  std::string name = "metrics";
  const auto add = [&](const char* flag, const std::string& before, const std::string& now) {
    if (before == now) return;
    name += std::string("-") + flag + "-";
    for (const char c : now)
      name += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '@' || c == '.' || c == '_' ? c : '-';
  };
  add("test-limit", std::to_string(own.test_limit), std::to_string(asked.test_limit));
  add("eval-keys", std::to_string(own.eval_keys), std::to_string(asked.eval_keys));
  add("eval-images", std::to_string(own.eval_images), std::to_string(asked.eval_images));
  add("families", own.families, asked.families);
  const auto views_of = [](const run_options& o) { return o.views.empty() ? std::string("one") : o.views; };
  add("views", views_of(own), views_of(asked));
  constexpr std::size_t longest = 150;
  if (name.size() > longest)
    spankey::fail("flag.142", "--out",
                  "expected a file for this evaluation: its --families are too long to name one after");
  return name + ".json";
}

}  // namespace

int train(const run_options& asked) {
  require_consistent(asked);
  require_trainable(asked);
  run_options options = with_facts(asked);
  require_keys_fit(options);
  (void)gate_requirements(options.require, options);
  const run_functions chosen = functions_on(options.device, options);
  options.processes = processes_of_this_run();
  if (options.processes != nullptr && options.parts == 0) options.parts = options.processes->size();
  if (is_first_process()) require_free(options.out);  // before any work
  return chosen.train(with_pixel_constants(options), start_of_run::fresh);
}

int resume(const run_options& asked) {
  run_options options = asked;
  require_keys_fit(options);
  (void)gate_requirements(options.require, options);
  const run_functions chosen = functions_on(options.device, options);
  std::error_code code;
  const std::filesystem::path folder(options.out);
  options.processes = processes_of_this_run();
  std::byte finished{std::filesystem::exists(folder / "metrics.json", code)};
  if (options.processes != nullptr) options.processes->broadcast({&finished, 1});
  if (finished != std::byte{0}) {
    if (!is_first_process()) return 0;
    const spankey::folder_lock lock(options.out);
    spankey::checkpoint_series(options.out).clear();  // killed right after its last file
    std::printf("%s/ is finished\n", options.out.c_str());
    return gate_status(options, (folder / "metrics.json").string());
  }
  if (options.keyed() && !std::filesystem::exists(folder / "key_space.safetensors", code))
    spankey::fail("flag.126", "--resume", "'", options.out,
                  "' has no key_space.safetensors: it was interrupted before, or its keys are lost");
  return chosen.train(options, start_of_run::resumed);
}

int train_or_continue(const run_options& asked) {
  require_consistent(asked);
  require_trainable(asked);
  const run_options options = with_facts(asked);
  require_keys_fit(options);
  return functions_on("cpu", options).train(with_pixel_constants(options), start_of_run::may_continue);
}

int evaluate(const eval_options& request) {
  run_options options = read_config((std::filesystem::path(request.run) / "config.json").string());
  const run_options own = options;
  options.data_root = request.data_root;
  options.threads = request.threads;
  options.device = request.device;
  if (request.out.empty() && !spankey::checkpoints_in(request.run).empty())
    spankey::fail("flag.124", "--run", "'", request.run,
                  "' holds checkpoints: its training is not finished; go on with it (",
                  resume_command(request.run, options), "), or name a file with --out");
  options.test_limit = request.test_limit.value_or(options.test_limit);
  options.eval_keys = request.eval_keys.value_or(options.eval_keys);
  options.eval_images = request.eval_images.value_or(options.eval_images);
  options.families = request.families.value_or(options.families);
  options.views = request.views.value_or(options.views);
  options.require = request.require;
  options.processes = processes_of_this_run();
  require_keys_fit(options);
  (void)gate_requirements(options.require, options);
  const run_functions chosen = functions_on(request.device, options);
  eval_options asked = request;
  if (asked.out.empty())
    asked.out = (std::filesystem::path(request.run) / metrics_name(own, options)).string();
  require_output("--out", asked.out);
  chosen.evaluate(options, asked);
  if (!is_first_process()) return 0;
  return gate_status(options, asked.out);
}

int describe_run(const run_options& asked, bool measure, const std::string& flags) {
  require_consistent(asked);
  require_trainable(asked);
  const run_options options = with_facts(asked);
  require_keys_fit(options);
  const run_functions chosen = functions_on(options.device, options);
  std::printf("%s\n", flags.c_str());
  chosen.describe(options, measure);
  return 0;
}
