// What the report reads as JSON: metrics.json, the rows of results.json, settings, a line of a log.
#include <cstdint>
#include <string>

#include "fuzz.hpp"
#include "report/json_file.hpp"
#include "report/read_metrics.hpp"

using spankey_test::accepts;
using spankey_test::promise;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  accepts([&] {
    const json_value value = parse_json(text, "input");
    const json_entry entry(value, "input");
    accepts([&] {
      auto conditions = read_conditions(entry, "gaussian");
      for (const condition_result& c : conditions) {
        promise(!c.name.empty(), "a condition has a name");
        for (const auto& figure : c.figures)
          promise(!figure || (figure->mean >= 0 && figure->mean <= 1), "a share is from 0 to 1");
      }
      add_published(entry, conditions);
    });
    accepts([&] {
      const auto curve = read_acceptance(entry);
      if (!curve) return;
      for (const auto& figure : curve->figures)
        promise(figure.empty() || figure.size() == curve->angle.size(), "a share for every angle");
    });
    accepts([&] { read_settings(entry); });
    accepts([&] { static_cast<void>(read_figure(entry.at("absorption")).mean); });
    accepts([&] { static_cast<void>(entry.at("epoch_end").count()); });
  });
  return 0;
}
