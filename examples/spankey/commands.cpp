#include "commands.hpp"

#include <cstdio>
#include <filesystem>

#include "network.hpp"
#include "output_file.hpp"
#include "run_folder.hpp"
#include "spankey/backend/cpu/describe.hpp"

int train(const run_options& options) {
  require_consistent(options);
  require_keys_fit(options);
  require_free(options.out);  // before any work
  network_named(options.model).train(options, start_of_run::fresh);
  return 0;
}

int train_or_continue(const run_options& options) {
  require_consistent(options);
  require_keys_fit(options);
  network_named(options.model).train(options, start_of_run::may_continue);
  return 0;
}

int evaluate(const eval_options& request) {
  run_options options = read_config((std::filesystem::path(request.run) / "config.json").string());
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
