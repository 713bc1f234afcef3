#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "commands.hpp"
#include "metrics_report.hpp"
#include "network.hpp"
#include "spankey/checkpoint/atomic_file.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/weights.hpp"

namespace {

namespace fs = std::filesystem;
using namespace spankey;

run_options read_config(const std::string& file) {
  std::error_code code;
  if (!fs::is_regular_file(file, code))
    fail("config.104", file, "expected the config.json of a run, found no such file");
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  const auto config = nlohmann::json::parse(text.str(), nullptr, false);
  if (!in || config.is_discarded()) fail("config.105", file, "is not JSON");
  return from_json(config, file);
}

// The run's keys, at the sites of its config.json.
key_space read_keys(const run_options& options, const std::string& file) {
  key_space keys = load_key_space(file);
  const bool same =
      std::equal(keys.sites().begin(), keys.sites().end(), options.sites.begin(), options.sites.end(),
                 [](const site& s, int number) { return s.number == number; });
  if (!same) fail("config.107", file, "has keys for other sites than the run's config.json");
  return keys;
}

template <class Deny, class Scalar>
int evaluate_with(const run_options& options, const eval_options& request) {
  const fs::path run(request.run);
  const image_dataset test = load_data(options, split::test);
  auto model = make_model<Deny, Scalar>(options);
  const arena memory(*model, options.batch);
  load_weights(*model, (run / "weights.safetensors").string());
  std::optional<key_space> keys;
  if (options.keyed()) keys.emplace(read_keys(options, (run / "key_space.safetensors").string()));
  gate_evaluation evaluation(*model, keys ? &*keys : nullptr, test, options.batch,
                             evaluation_options{.keys = options.eval_keys,
                                                .images_per_key = options.eval_images,
                                                .invalid = parse_invalid(options.invalid),
                                                .seed = options.seed});
  const gate_report report = evaluation.run();
  const std::string out = request.out.empty() ? (run / "metrics.json").string() : request.out;
  write_file_atomically(out, to_json(report).dump(2) + "\n", file_mode::shared);
  std::printf("%s\nwrote %s\n", table(report).c_str(), out.c_str());
  return 0;
}

}  // namespace

int evaluate(const eval_options& request) {
  run_options options = read_config((fs::path(request.run) / "config.json").string());
  options.data = request.data.value_or(options.data);
  options.test_limit = request.test_limit.value_or(options.test_limit);
  options.eval_keys = request.eval_keys.value_or(options.eval_keys);
  options.eval_images = request.eval_images.value_or(options.eval_images);
  options.invalid = request.invalid.value_or(options.invalid);
  require_keys_fit(options);
  return with_types(options, [&](auto deny, auto scalar) {
    return evaluate_with<decltype(deny), decltype(scalar)>(options, request);
  });
}
