#include "commands.hpp"

#include <cstdio>
#include <filesystem>

#include "network.hpp"
#include "output_file.hpp"
#include "run_folder.hpp"
#include "spankey/backend/cpu/describe.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/checkpoint/folder_lock.hpp"

int train(const run_options& options) {
  require_consistent(options);
  require_keys_fit(options);
  require_free(options.out);  // before any work
  return network_named(options.model).train(options, start_of_run::fresh);
}

int resume(const run_options& options) {
  require_keys_fit(options);
  std::error_code code;
  const std::filesystem::path folder(options.out);
  if (std::filesystem::exists(folder / "metrics.json", code)) {
    const spankey::folder_lock lock(options.out);
    spankey::checkpoint_series(options.out).clear();  // killed right after its last file
    std::printf("%s/ is finished\n", options.out.c_str());
    return 0;
  }
  if (options.keyed() && !std::filesystem::exists(folder / "key_space.safetensors", code))
    spankey::fail("flag.126", "--resume", "'", options.out,
                  "' has no key_space.safetensors: it was interrupted before, or its keys are lost");
  return network_named(options.model).train(options, start_of_run::resumed);
}

int train_or_continue(const run_options& options) {
  require_consistent(options);
  require_keys_fit(options);
  return network_named(options.model).train(options, start_of_run::may_continue);
}

int evaluate(const eval_options& request) {
  run_options options = read_config((std::filesystem::path(request.run) / "config.json").string());
  if (request.out.empty() && !spankey::checkpoints_in(request.run).empty())
    spankey::fail(
        "flag.124", "--run", "'", request.run,
        "' holds checkpoints: its training is not finished; go on with it (spankey train --resume), or "
        "name a file with --out");
  options.data_root = request.data_root;
  options.test_limit = request.test_limit.value_or(options.test_limit);
  options.eval_keys = request.eval_keys.value_or(options.eval_keys);
  options.eval_images = request.eval_images.value_or(options.eval_images);
  options.families = request.families.value_or(options.families);
  require_keys_fit(options);
  require_output("--out", request.out.empty() ? (std::filesystem::path(request.run) / "metrics.json").string()
                                              : request.out);
  network_named(options.model).evaluate(options, request);
  return 0;
}

int describe_run(const run_options& options, bool measure) {
  require_consistent(options);
  require_keys_fit(options);
  std::fputs(spankey::describe().c_str(), stdout);
  network_named(options.model).describe(options, measure);
  return 0;
}
