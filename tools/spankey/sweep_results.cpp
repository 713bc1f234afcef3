#include "sweep_results.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "family_order.hpp"
#include "json_text.hpp"
#include "spankey/core/error.hpp"
#include "spankey/train/metrics.hpp"
#include "spankey/train/text_metrics.hpp"

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// Student's t, 97.5 %, by degrees of freedom.
double t_quantile(std::size_t freedom) {
  constexpr std::array<double, 30> table = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                            2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                            2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                            2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
  if (freedom <= table.size()) return table[freedom - 1];
  const auto n = static_cast<double>(freedom);
  return 1.95996 + 2.3722 / n + 2.8224 / (n * n);  // Cornish-Fisher: right to four digits here
}

// Mean of the values, and the 95 % interval of that mean where there are several: symmetric, or of shares symmetric on the
// scale of log(p / (1 - p)), where it cannot reach beyond 0 and 1 even over two seeds.
json spread(const std::vector<double>& values, bool are_shares) {
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  json result = {{"mean", mean}, {"values", values}};
  if (values.size() < 2 || !std::isfinite(mean)) return result;
  for (const double v : values) squares += (v - mean) * (v - mean);
  const auto n = static_cast<double>(values.size());
  const double half = t_quantile(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
  const double slope = mean * (1 - mean);
  if (!are_shares) {
    result["low"] = mean - half;
    result["high"] = mean + half;
  } else if (slope > 0) {
    const auto moved = [&](double by) { return 1 / (1 + (1 - mean) / mean * std::exp(-by / slope)); };
    result["low"] = half == 0 ? mean : moved(-half);
    result["high"] = half == 0 ? mean : moved(half);
  } else {
    result["low"] = result["high"] = mean;
  }
  return result;
}

// The figures of a condition, which differ between text and samples.
std::span<const std::string_view> figures_of(const json& condition) {
  if (condition.contains(spankey::text_figure_names.front())) return spankey::text_figure_names;
  return spankey::figure_names;
}
bool is_share(std::string_view figure) { return !figure.ends_with("bits"); }

// Of a cell. Infinity is no number in JSON: bits of an answer that is none are null.
double mean_of(const json& condition, std::string_view figure) {
  const json& mean = condition.at(std::string(figure)).at("mean");
  return mean.is_null() && !is_share(figure) ? std::numeric_limits<double>::infinity() : mean.get<double>();
}

// Calls f(name, condition) for no_key, valid_key and every family of invalid keys ("invalid_key.gaussian").
template <class F>
void for_each_condition(const json& metrics, const F& f) {
  for (const char* name : {"no_key", "valid_key"})
    if (metrics.contains(name)) f(std::string(name), metrics.at(name));
  if (!metrics.contains("invalid_key")) return;
  std::vector<std::string> families;
  for (const auto& [family, condition] : metrics.at("invalid_key").items()) families.push_back(family);
  std::sort(families.begin(), families.end(), family_before);
  for (const std::string& family : families) f("invalid_key." + family, metrics.at("invalid_key").at(family));
}

json& place(json& metrics, const std::string& condition) {
  const std::size_t dot = condition.find('.');
  return dot == std::string::npos ? metrics[condition]
                                  : metrics[condition.substr(0, dot)][condition.substr(dot + 1)];
}

bool finished(const fs::path& cell) {
  std::error_code code;
  return fs::exists(cell / "metrics.json", code);
}

std::vector<std::string> conditions_of(const json& metrics) {
  std::vector<std::string> names;
  for_each_condition(metrics, [&](const std::string& name, const json&) { names.push_back(name); });
  return names;
}

// A cell's metrics.json, every figure of it there.
json read_metrics(const fs::path& cell) {
  const std::string file = (cell / "metrics.json").string();
  json metrics = json_of<json>(text_of_file(file, "sweep.104", results_cap), file, "sweep.104");
  bool whole = metrics.is_object() && metrics.contains("no_key");
  try {
    for_each_condition(metrics, [&](const std::string&, const json& condition) {
      for (const std::string_view f : figures_of(condition)) (void)mean_of(condition, f);
      whole = whole && (!condition.contains("not_finite") || condition.at("not_finite").is_number_unsigned());
    });
  } catch (const json::exception&) {
    whole = false;
  }
  if (!whole) spankey::fail("sweep.104", file, "is not the JSON object of a finished run");
  return metrics;
}

// The metrics of a row's finished cells, which answer the same questions: others have no common mean.
std::vector<json> read_row(const experiment& what, std::size_t row, const fs::path& cells) {
  std::vector<json> runs;
  for (const std::uint64_t seed : what.seeds) {
    const fs::path cell = cells / what.cell(row, seed);
    if (!finished(cell)) continue;
    runs.push_back(read_metrics(cell));
    if (conditions_of(runs.back()) != conditions_of(runs.front()))
      spankey::fail("sweep.105", (cell / "metrics.json").string(),
                    "was evaluated with other families of invalid keys than other cells of its row");
  }
  return runs;
}

// The mean absorption index; a cell whose valid keys do no better than chance has none, and its row then neither.
json absorption_of(const std::vector<json>& runs) {
  std::vector<double> values;
  for (const json& run : runs) {
    if (!run.contains("absorption") || !run.at("absorption").is_number()) return nullptr;
    values.push_back(run.at("absorption").get<double>());
  }
  return spread(values, false);
}

// A name in a table of Markdown.
std::string table_text(std::string name) {
  for (std::size_t bar = name.find('|'); bar != std::string::npos; bar = name.find('|', bar + 2))
    name.insert(bar, "\\");
  return name;
}

std::string share(double value) {
  char text[16];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

std::string with_interval(const json& figure) {
  std::string text = share(figure.at("mean").get<double>());
  if (figure.contains("low"))
    text +=
        " (" + share(figure.at("low").get<double>()) + " to " + share(figure.at("high").get<double>()) + ")";
  return text;
}

// The figures of a sweep, whose rows have the same ones; those of samples while nothing is finished.
std::span<const std::string_view> figures_of_rows(const json& results) {
  for (const json& row : results.at("rows"))
    if (row.contains("metrics")) return figures_of(row.at("metrics").at("no_key"));
  return spankey::figure_names;
}

bool has_published(const json& results) {
  return std::any_of(results.at("rows").begin(), results.at("rows").end(),
                     [](const json& row) { return row.contains("published"); });
}

}  // namespace

json collect_results(const experiment& what, const fs::path& folder) {
  json results = {{"name", what.name}, {"title", what.title}, {"source", what.source}, {"seeds", what.seeds}};
  results["rows"] = json::array();
  for (std::size_t row = 0; row < what.rows.size(); ++row) {
    json cells = json::array(), metrics = json::object();
    for (const std::uint64_t seed : what.seeds) cells.push_back(what.cell(row, seed));
    std::vector<json> runs = read_row(what, row, folder / "cells");
    if (!runs.empty()) {
      for (const std::string& name : conditions_of(runs.front())) {
        for (const std::string_view f : figures_of(place(runs.front(), name))) {
          std::vector<double> values;
          for (json& run : runs) values.push_back(mean_of(place(run, name), f));
          place(metrics, name)[std::string(f)] = spread(values, is_share(f));
        }
        std::int64_t not_finite = 0;
        for (json& run : runs) not_finite += place(run, name).value("not_finite", std::int64_t{0});
        if (not_finite > 0) place(metrics, name)["not_finite"] = not_finite;
      }
      if (const json absorption = absorption_of(runs); !absorption.is_null())
        metrics["absorption"] = absorption;
    }
    json entry = {{"name", what.rows[row].name},
                  {"flags", what.rows[row].flags},
                  {"finished", runs.size()},
                  {"cells", cells}};
    if (!runs.empty()) entry["metrics"] = metrics;
    if (!what.rows[row].published.is_null()) entry["published"] = what.rows[row].published;
    results["rows"].push_back(entry);
  }
  return results;
}

std::string results_as_csv(const json& results, const experiment& what, const fs::path& folder) {
  std::string text = "row,seed,condition";
  for (const std::string_view f : figures_of_rows(results)) text += "," + std::string(f);
  text += "\n";
  for (std::size_t row = 0; row < what.rows.size(); ++row) {
    std::string name = results.at("rows")[row].at("name").get<std::string>();
    for (std::size_t quote = name.find('"'); quote != std::string::npos; quote = name.find('"', quote + 2))
      name.insert(quote, "\"");
    for (const std::uint64_t seed : what.seeds) {
      const fs::path cell = folder / "cells" / what.cell(row, seed);
      if (!finished(cell)) continue;
      for_each_condition(read_metrics(cell), [&](const std::string& condition, const json& figures) {
        text += "\"" + name + "\"," + std::to_string(seed) + "," + condition;
        for (const std::string_view f : figures_of(figures))
          text += "," + figures.at(std::string(f)).at("mean").dump();
        text += "\n";
      });
    }
  }
  return text;
}

std::string results_as_markdown(const json& results) {
  std::string text = "# " + results.at("title").get<std::string>() + "\n\n";
  const std::string source = results.at("source").get<std::string>();
  if (!source.empty()) text += "Published figures: " + source + ".\n\n";
  const bool published = has_published(results);
  const std::span<const std::string_view> figures = figures_of_rows(results);
  // Published accuracies stand beside the semantic ones.
  const auto in_row = [&](const auto& of_figure, const std::string& of_published) {
    std::string cells;
    for (const std::string_view f : figures)
      cells += of_figure(f) + " | " + (published && f == "semantic" ? of_published + " | " : "");
    cells.pop_back();
    return cells + "\n";
  };
  text += "| row | condition | seeds | " +
          in_row([](std::string_view f) { return std::string(f == "masked_bits" ? "masked bits" : f); },
                 "published") +
          "|---|---|---|";
  for (std::size_t i = 0; i < figures.size() + (published ? 1 : 0); ++i) text += "---|";
  text += "\n";
  std::int64_t not_finite = 0;
  for (const json& row : results.at("rows")) {
    const std::string name = table_text(row.at("name").get<std::string>());
    if (!row.contains("metrics")) {
      text +=
          "| " + name + " | not finished | | " + in_row([](std::string_view) { return std::string(); }, "");
      continue;
    }
    for_each_condition(row.at("metrics"), [&](const std::string& condition,
                                              const json& figures_of_condition) {
      not_finite += figures_of_condition.value("not_finite", std::int64_t{0});
      const std::string whole = condition.substr(0, condition.find('.'));
      const bool has_value = row.contains("published") && row.at("published").contains(whole);
      // What was published for invalid keys are Gaussian ones.
      const bool comparable = whole == condition || condition == "invalid_key.gaussian";
      const bool shown = has_value && comparable;
      text +=
          "| " + name + " | " + condition + " | " + row.at("finished").dump() + " | " +
          in_row([&](std::string_view f) { return with_interval(figures_of_condition.at(std::string(f))); },
                 shown ? share(row.at("published").at(whole).get<double>()) : "");
    });
  }
  if (results.at("seeds").size() > 1) text += "\nIn ( ) is the 95 % interval of the mean over the seeds.\n";
  if (not_finite > 0)
    text += "\n" + std::to_string(not_finite) +
            " answers are NaN or infinity: counted as refused, and as right in no column.\n";
  return text;
}
