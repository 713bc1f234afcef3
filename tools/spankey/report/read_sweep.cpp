#include "read_sweep.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "read_metrics.hpp"

namespace {

namespace fs = std::filesystem;

std::optional<json_value> read_if_there(const fs::path& file) {
  std::error_code code;
  if (!fs::exists(file, code)) return std::nullopt;
  return parse_json(read_text(file.string()), file.string());
}

// What differs from run to run of a row, or does not change a result.
bool is_of_the_cell(const std::string& name) {
  constexpr std::array names = {"seed", "key-seed", "threads", "out", "spankey"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

void set_all(shown_settings& options, const shown_settings& more) {
  for (const shown_settings::value_type& option : more) {
    if (is_of_the_cell(option.first)) continue;
    const auto same = [&](const auto& known) { return known.first == option.first; };
    const auto found = std::find_if(options.begin(), options.end(), same);
    if (found == options.end()) {
      options.push_back(option);
    } else {
      found->second = option.second;
    }
  }
}

// Cells are folders of the sweep: nothing else is read, or linked.
std::string read_cell(const json_entry& entry) {
  const std::string name = entry.text();
  if (name.empty() || name == "." || name == ".." ||
      name.find_first_of(std::string_view("/\0", 2)) < name.size())
    entry.refuse("the name of a folder");
  return name;
}

sweep_row read_row(const json_entry& entry, const shown_settings& common, const fs::path& cells) {
  sweep_row row;
  row.name = entry.at("name").text();
  if (const auto flags = entry.find("flags")) row.flags = read_settings(*flags);
  if (const auto finished = entry.find("finished")) row.finished = finished->count();
  if (const auto names = entry.find("cells"))
    for (const json_entry& name : names->elements()) row.cells.push_back(read_cell(name));

  set_all(row.options, common);
  set_all(row.options, row.flags);
  for (const std::string& cell : row.cells) {
    const fs::path file = cells / cell / "config.json";
    const auto config = read_if_there(file);
    if (!config) continue;
    set_all(row.options, read_settings(json_entry(*config, file.string())));
    break;
  }

  if (const auto metrics = entry.find("metrics")) {
    row.conditions = read_conditions(*metrics, "");
    if (const auto absorption = metrics->find("absorption")) row.absorption = read_figure(*absorption);
  }
  if (const auto published = entry.find("published")) add_published(*published, row.conditions);
  return row;
}

}  // namespace

sweep_results read_sweep(const std::string& folder) {
  const fs::path root(folder);
  const std::string file = (root / "results.json").string();
  const json_value results = parse_json(read_text(file), file);
  const json_entry all(results, file);

  shown_settings common;
  const std::string experiment_file = (root / "experiment.json").string();
  if (const auto experiment = read_if_there(experiment_file))
    if (const auto flags = json_entry(*experiment, experiment_file).find("flags"))
      common = read_settings(*flags);

  sweep_results sweep;
  sweep.name = all.at("name").text();
  const auto title = all.find("title"), source = all.find("source");
  sweep.title = title ? title->text() : sweep.name;
  sweep.source = source ? source->text() : "";
  if (const auto seeds = all.find("seeds"))
    for (const json_entry& seed : seeds->elements()) sweep.seeds.push_back(std::to_string(seed.count()));
  for (const json_entry& row : all.at("rows").elements())
    sweep.rows.push_back(read_row(row, common, root / "cells"));
  return sweep;
}
