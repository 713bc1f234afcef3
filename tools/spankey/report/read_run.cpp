#include "read_run.hpp"

#include <filesystem>
#include <limits>

#include "read_attack.hpp"
#include "read_diagnosis.hpp"
#include "read_metrics.hpp"

namespace {

namespace fs = std::filesystem;

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

// JSON has no NaN: a diverged loss is null in the log.
double number_or_nan(const json_entry& line, const char* name) {
  const auto entry = line.find(name);
  return entry ? entry->number() : no_number;
}

curve_values read_values(const json_entry& line) {
  curve_values values{};
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = number_or_nan(line, curve_keys[i]);
  return values;
}

training_log read_log(const std::string& file) {
  const std::string text = read_text(file, log_cap);
  training_log log;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;  // a line that is still being written
    const std::string where = file + ", line " + std::to_string(++number);
    const json_value value = parse_json(std::string_view(text).substr(begin, end - begin), file, number);
    const json_entry line(value, where);
    begin = end + 1;
    if (const auto epoch = line.find("epoch_end")) {
      log.epochs.push_back({epoch->count(), read_values(line), number_or_nan(line, "seconds"),
                            number_or_nan(line, "images_per_second")});
    } else if (const auto gate = line.find("gate_epoch")) {
      log.gates.push_back({gate->count(), read_conditions(line, "")});
    } else if (line.find("step")) {
      log.steps.push_back({line.at("epoch").count(), line.at("step").count(), read_values(line)});
    }
  }
  return log;
}

}  // namespace

std::string folder_name(const std::string& folder) {
  std::error_code code;
  const fs::path whole = fs::canonical(folder, code);
  return code || !whole.has_filename() ? folder : whole.filename().string();
}

run_results read_run(const std::string& folder, const std::string& other_metrics) {
  run_results run;
  run.name = folder_name(folder);
  const auto file = [&](const char* name) { return (fs::path(folder) / name).string(); };
  std::error_code code;

  const json_value config = parse_json(read_text(file("config.json")), file("config.json"));
  const json_entry options(config, file("config.json"));
  run.config = read_settings(options);
  if (fs::exists(file("log.jsonl"), code)) run.log = read_log(file("log.jsonl"));
  if (fs::exists(file("attack.json"), code)) run.games = read_attack(file("attack.json"));
  if (fs::exists(file("diagnose.json"), code)) run.turned = read_diagnosis(file("diagnose.json"));
  const std::string figures = other_metrics.empty() ? file("metrics.json") : other_metrics;
  if (other_metrics.empty() && !fs::exists(figures, code)) return run;

  const json_value metrics = parse_json(read_text(figures), figures);
  const json_entry all(metrics, figures);
  const auto family = options.find("invalid");
  run.evaluated = true;
  run.conditions = read_conditions(all, family ? family->text() : "");
  if (const auto absorption = all.find("absorption")) run.absorption = absorption->number();
  run.acceptance = read_acceptance(all);
  return run;
}
