#include "experiment.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "data_sets.hpp"
#include "flag_checks.hpp"
#include "json_text.hpp"
#include "network.hpp"
#include "spankey/core/error.hpp"

namespace {

using nlohmann::json;
using spankey::fail;

// Letters and digits of a name, the rest as single dashes: safe in a path.
std::string slug(const std::string& name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 128 && (std::isalnum(byte) != 0 || c == '.')) {
      text += static_cast<char>(std::tolower(byte));
    } else if (!text.empty() && text.back() != '-') {
      text += '-';
    }
  }
  while (!text.empty() && text.back() == '-') text.pop_back();
  return text;
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const json& element : value) text += (text.empty() ? "" : ",") + text_of(element);
  return text;
}

const json& member(const json& object, const char* name, json::value_t type, const std::string& where) {
  if (!object.contains(name)) {
    for (const auto& [other, value] : object.items())
      if (!did_you_mean(other, {name}).empty())
        fail("experiment.102", where, "has no '", name, "', but '", other, "'");
    fail("experiment.102", where, "has no '", name, "'");
  }
  const json& found = object.at(name);
  if (found.type() != type)
    fail("experiment.103", where, "'", name, "' is ", found.type_name(), ", expected ",
         json(type).type_name());
  return found;
}

std::string optional_text(const json& object, const char* name, const std::string& where) {
  return object.contains(name) ? member(object, name, json::value_t::string, where).get<std::string>() : "";
}

json optional_object(const json& object, const char* name, const std::string& where) {
  return object.contains(name) ? member(object, name, json::value_t::object, where) : json::object();
}

void require_known(const json& object, const std::set<std::string>& names, const std::string& where) {
  for (const auto& [name, value] : object.items()) {
    if (!names.contains(name))
      fail("experiment.112", where, "has '", name, "', which nothing reads",
           did_you_mean(name, {names.begin(), names.end()}));
  }
}

// Published accuracies: the results show them beside the mean of a condition that the row has.
json published_of(const json& row, const std::string& where) {
  if (!row.contains("published")) return nullptr;
  const json& published = member(row, "published", json::value_t::object, where);
  const std::set<std::string> conditions = {"no_key", "valid_key", "invalid_key"};
  for (const auto& [condition, share] : published.items()) {
    const double value = share.is_number() ? share.get<double>() : -1;
    if (!conditions.contains(condition) || !(value >= 0 && value <= 1))
      fail("experiment.110", where, "published: found '", condition, "' ", share.dump(),
           ", expected shares from 0 to 1 for no_key, valid_key and invalid_key",
           conditions.contains(condition) ? ""
                                          : did_you_mean(condition, {conditions.begin(), conditions.end()}));
  }
  return published;
}

// Refuses a cell that could not be run, naming its row: what flags say of themselves names only the flag.
void require_runnable(const experiment& what, std::size_t row, std::uint64_t seed, const std::string& file) {
  try {
    const run_options options = what.options(row, seed);
    require_trainable(options);
    if (is_text(options.data) != is_text(what.options(0, seed).data))
      fail("experiment.114", file, "row '", what.rows[row].name, "' is of ",
           is_text(options.data) ? "text" : "samples", ", and row '", what.rows.front().name,
           "' is not: their figures have no common table");
    require_keys_fit(options);
  } catch (const spankey::error& problem) {
    if (problem.id().starts_with("experiment.") || problem.id().starts_with("config.")) throw;
    fail("experiment.111", file, "row '", what.rows[row].name, "': ", problem.what());
  }
}

// A short file may ask for billions of cells, and for rows whose names are longer than all of the file.
constexpr std::size_t most_cells = 4096, longest_value = 200;

// Every combination of the grid's values, the last flag fastest.
void add_grid(const json& grid, std::vector<experiment_row>& rows, const std::string& file) {
  std::vector<experiment_row> combined = {{"", json::object(), nullptr}};
  for (const auto& [flag, values] : grid.items()) {
    if (!values.is_array() || values.empty())
      fail("experiment.104", file, "grid: '", flag, "' is ", values.type_name(),
           ", expected a list of values");
    if (values.size() > most_cells / combined.size())
      fail("experiment.113", file, "grid: expected at most ", most_cells, " combinations, found more with '",
           flag, "'");
    for (const json& value : values) {
      if (text_of(value).size() > longest_value)
        fail("experiment.104", file, "grid: '", flag, "' has a value of more than ", longest_value,
             " characters");
    }
    std::vector<experiment_row> longer;
    for (const experiment_row& row : combined) {
      for (const json& value : values) {
        experiment_row next = row;
        next.name += (next.name.empty() ? "" : ", ") + flag + " " + text_of(value);
        next.flags[flag] = value;
        longer.push_back(std::move(next));
      }
    }
    combined = std::move(longer);
  }
  if (!grid.empty()) rows.insert(rows.end(), combined.begin(), combined.end());
}

}  // namespace

std::string experiment::cell(std::size_t row, std::uint64_t seed) const {
  return slug(rows[row].name) + "-seed" + std::to_string(seed);
}

run_options experiment::options(std::size_t row, std::uint64_t seed) const {
  const std::string where = name + ", row '" + rows[row].name + "'";
  json given = flags;
  given.update(rows[row].flags);
  if (given.contains("seed"))
    fail("experiment.105", where, "has a flag 'seed'; seeds are a list of the experiment");
  given["seed"] = seed;
  return options_given(given, where);
}

experiment parse_experiment(const std::string& text, const std::string& file) {
  const json whole = json_of<json>(text, file, "experiment.101");
  if (!whole.is_object()) fail("experiment.101", file, "expected a JSON object");
  require_known(whole, {"name", "title", "source", "seeds", "flags", "rows", "grid"}, file);
  experiment found;
  found.name = member(whole, "name", json::value_t::string, file).get<std::string>();
  found.title = optional_text(whole, "title", file);
  found.source = optional_text(whole, "source", file);
  found.flags = optional_object(whole, "flags", file);
  for (const json& seed : member(whole, "seeds", json::value_t::array, file)) {
    if (!seed.is_number_unsigned())
      fail("experiment.106", file, "found the seed ", seed.dump(), ", expected a whole number");
    found.seeds.push_back(seed.get<std::uint64_t>());
  }
  if (found.seeds.empty()) fail("experiment.106", file, "expected at least one seed");
  if (whole.contains("rows")) {
    for (const json& row : member(whole, "rows", json::value_t::array, file)) {
      const std::string where = file + ", row " + std::to_string(found.rows.size() + 1);
      if (!row.is_object()) fail("experiment.103", where, "is ", row.type_name(), ", expected an object");
      found.rows.push_back({member(row, "name", json::value_t::string, where).get<std::string>(),
                            optional_object(row, "flags", where), published_of(row, where)});
      require_known(row, {"name", "flags", "published"}, where);
    }
  }
  add_grid(optional_object(whole, "grid", file), found.rows, file);
  if (found.rows.empty()) fail("experiment.107", file, "has neither rows nor a grid");

  if (found.seeds.size() > most_cells / found.rows.size())
    fail("experiment.113", file, "expected at most ", most_cells, " cells, found ", found.rows.size(),
         " rows and ", found.seeds.size(), " seeds");
  std::set<std::string> cells;
  for (std::size_t row = 0; row < found.rows.size(); ++row) {
    for (const std::uint64_t seed : found.seeds) {
      const std::string& name = found.rows[row].name;
      const bool on_one_line =
          std::none_of(name.begin(), name.end(), [](char c) { return c >= 0 && c < ' '; });
      if (slug(name).empty() || !on_one_line)
        fail("experiment.108", file, "row ", row + 1, " is called ", json(name).dump(),
             ", expected letters or digits on one line");
      if (!cells.insert(found.cell(row, seed)).second)
        fail("experiment.109", file, "two cells are called ", found.cell(row, seed),
             "; rows and seeds need different names");
      require_runnable(found, row, seed, file);
    }
  }
  return found;
}
