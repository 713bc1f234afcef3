#include "gate_requirement.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <string_view>

#include "data_sets.hpp"
#include "invalid_text.hpp"
#include "json_text.hpp"
#include "metrics_report.hpp"
#include "spankey/core/error.hpp"
#include "spankey/train/metrics.hpp"
#include "spankey/train/text_metrics.hpp"

namespace {

using nlohmann::json;
using spankey::fail;

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n"), last = text.find_last_not_of(" \t\n");
  return first == std::string_view::npos ? std::string() : std::string(text.substr(first, last - first + 1));
}

[[noreturn]] void refuse(const std::string& text, const std::string& expected) {
  fail("flag.141", "--require", "found '", spankey::printable(text), "', expected ", expected);
}

// The figures of the run's data.
std::vector<std::string_view> figures_of(const run_options& options) {
  if (is_text(options.data)) return {spankey::text_figure_names.begin(), spankey::text_figure_names.end()};
  return {spankey::figure_names.begin(), spankey::figure_names.end()};
}
bool is_in_bits(std::string_view figure) { return figure == "bits" || figure == "masked_bits"; }

// Cuts what follows the last point; nothing where there is none.
std::string cut_last(std::string& name) {
  const std::size_t point = name.rfind('.');
  std::string last = name.substr(point == std::string::npos ? 0 : point + 1);
  name.resize(point == std::string::npos ? 0 : point);
  return last;
}

double number_of(const std::string& digits, double most, const std::string& whole) {
  double value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || code != std::errc{} || stop != end || !(value >= 0 && value <= most))
    refuse(whole,
           most > 1 ? "a number of bits behind <=, >=, < or >" : "a share from 0 to 1 behind <=, >=, < or >");
  return value;
}

void require_condition(const gate_requirement& r, const run_options& options) {
  if (r.condition == "none" || (r.condition.empty() && !options.keyed())) return;
  if (!options.keyed()) refuse(r.text, "none.FIGURE: the run has no keys");
  if (r.condition.empty() || r.condition == "valid" || r.condition == "wrong") return;
  std::string evaluated;
  for (const spankey::invalid_rule& rule : invalid_rules_of(options.families, options)) {
    if (spelled_rule(rule) == r.condition) return;
    evaluated += ", " + spelled_rule(rule);
  }
  refuse(r.text, "none, valid, wrong or a family that is evaluated (--families)" + evaluated);
}

gate_requirement requirement_of(const std::string& text, const run_options& options) {
  gate_requirement r;
  r.text = trimmed(text);
  const std::size_t op = r.text.find_first_of("<>");
  if (op == std::string::npos) refuse(r.text, "NAME<=NUMBER or NAME>=NUMBER");
  r.at_least = r.text[op] == '>';
  r.strictly = r.text.substr(op + 1, 1) != "=";
  std::string name = trimmed(r.text.substr(0, op));
  if (name == "valid") name = "valid.semantic";
  if (name.starts_with('.')) refuse(r.text, "a condition in front of the point");
  r.figure = cut_last(name);
  if (r.figure == "worst") {
    r.worst_key = true;
    r.figure = cut_last(name);
  }
  const std::vector<std::string_view> figures = figures_of(options);
  if (std::find(figures.begin(), figures.end(), r.figure) == figures.end()) {
    std::string names;
    for (const std::string_view figure : figures)
      names += (names.empty() ? "" : figure == figures.back() ? " or " : ", ") + std::string(figure);
    refuse(r.text, names + ", alone or as CONDITION.FIGURE");
  }
  r.bound =
      number_of(trimmed(r.text.substr(op + (r.strictly ? 1 : 2))), is_in_bits(r.figure) ? 1e6 : 1, r.text);
  r.condition = name;
  require_condition(r, options);
  return r;
}

// A figure of one condition; no number where there is none.
double figure_in(const json& condition, const gate_requirement& r) {
  const auto figure = condition.find(r.figure);
  if (figure == condition.end() || !figure->is_object()) return no_number;
  const auto value = figure->find(r.worst_key ? "worst" : "mean");
  return value != figure->end() && value->is_number() ? value->get<double>() : no_number;
}

struct found_figure {
  double value;
  std::string where;
};

// The worst of the conditions that a requirement is about; one that is no number is the worst of all.
found_figure find(const gate_requirement& r, const json& metrics) {
  std::optional<found_figure> worst;
  const auto add = [&](const std::string& where, const json& condition) {
    const double value = figure_in(condition, r);
    const bool low_is_worse = r.figure == "reject" || is_in_bits(r.figure);
    const bool worse =
        !worst || std::isnan(value) || (low_is_worse ? value < worst->value : value > worst->value);
    if (worse && !(worst && std::isnan(worst->value))) worst = found_figure{value, where};
  };
  const auto add_member = [&](const char* where, const char* name) {
    add(where, metrics.contains(name) ? metrics.at(name) : json::object());
  };
  const bool every = r.condition.empty();
  if (every || r.condition == "none") add_member("no key", "no_key");
  if (r.condition == "valid") add_member("valid keys", "valid_key");
  const json families = metrics.contains("invalid_key") && metrics.at("invalid_key").is_object()
                            ? metrics.at("invalid_key")
                            : json::object();
  if (every || r.condition == "wrong") {
    for (const auto& [family, condition] : families.items()) add(family, condition);
  } else if (r.condition != "none" && r.condition != "valid") {
    add(r.condition, families.value(r.condition, json::object()));
  }
  return worst.value_or(found_figure{no_number, "nothing was evaluated"});
}

bool holds(const gate_requirement& r, double value) {
  if (r.at_least) return r.strictly ? value > r.bound : value >= r.bound;
  return r.strictly ? value < r.bound : value <= r.bound;
}

}  // namespace

std::vector<gate_requirement> gate_requirements(const std::string& text, const run_options& options) {
  std::vector<gate_requirement> all;
  for (std::size_t begin = 0; !text.empty() && begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    all.push_back(requirement_of(text.substr(begin, end - begin), options));
    begin = end + 1;
  }
  return all;
}

bool keeps(const std::vector<gate_requirement>& requirements, const json& metrics) {
  bool all = true;
  for (const gate_requirement& r : requirements) {
    const found_figure found = find(r, metrics);
    if (holds(r, found.value)) {
      std::printf("kept: %s: %.4f (%s)\n", r.text.c_str(), found.value, found.where.c_str());
      continue;
    }
    all = false;
    std::fflush(stdout);
    std::fprintf(stderr, "not kept: %s: %.4f (%s)\n", r.text.c_str(), found.value, found.where.c_str());
  }
  return all;
}

int gate_status(const run_options& options, const std::string& metrics_file) {
  const auto requirements = gate_requirements(options.require, options);
  if (requirements.empty()) return 0;
  const json metrics =
      json_of<json>(text_of_file(metrics_file, "report.103", results_cap), metrics_file, "report.104");
  if (!metrics.is_object())
    fail("report.104", spankey::printable(metrics_file), "is not the JSON object of an evaluation");
  return keeps(requirements, metrics) ? 0 : gate_fails;
}
