// What the program reads as JSON before it runs anything: a run's config.json and an experiment.
#include <cstdint>
#include <string>

#include "experiment.hpp"
#include "fuzz.hpp"
#include "json_text.hpp"
#include "network.hpp"
#include "run_options.hpp"

using spankey_test::accepts;
using spankey_test::promise;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  accepts([&] {
    const auto config = json_of<nlohmann::json>(text, "input", "config.105");
    const run_options options = from_json(config, "input");
    const auto again = to_json(from_json(to_json(options), "again"));
    promise(again == to_json(options), "a configuration is read as it was written");
    require_keys_fit(options);
  });
  accepts([&] {
    const experiment what = parse_experiment(text, "input");
    promise(!what.rows.empty() && !what.seeds.empty(), "an experiment has cells");
    promise(what.rows.size() * what.seeds.size() <= 4096, "and not too many");
  });
  return 0;
}
