#include "metrics_report.hpp"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "report_line.hpp"

namespace {

using nlohmann::json;
using namespace spankey;

// An entry, made as `kind` where it is not there: nlohmann-json 3.11 crashes where a null has no memory to become it.
json& place(json& object, const std::string& name, json kind) {
  json& entry = object[name];
  if (entry.is_null()) entry = std::move(kind);
  return entry;
}

json condition(const condition_summary& c) {
  json entry = {{"keys", c.keys},
                {"images_per_key", c.images_per_key},
                {"distinct_images", c.distinct_images},
                {"not_finite", c.not_finite}};
  for (std::size_t f = 0; f < c.figures.size(); ++f) {
    const figure_summary& s = c.figures[f];
    entry[std::string(figure_names[f])] = {
        {"mean", s.mean}, {"worst", s.worst}, {"wilson95", {s.bounds.low, s.bounds.high}}};
  }
  return entry;
}

// Acceptance against the angle to the span, from valid keys (0 degrees) on.
json acceptance(const gate_report& report) {
  json curve = {{"angle", {0}}};
  const auto add = [&](const condition_summary& c) {
    for (std::size_t f = 0; f < c.figures.size(); ++f)
      place(curve, std::string(figure_names[f]), json::array()).push_back(c.figures[f].mean);
  };
  add(*report.valid_key);
  for (const invalid_summary& invalid : report.invalid_keys) {
    if (invalid.rule.family != invalid_family::angle) continue;
    curve["angle"].push_back(invalid.rule.amount);
    add(invalid.summary);
  }
  return curve;
}

}  // namespace

std::string spelled_rule(const invalid_rule& rule) {
  std::string text(name_of(rule.family));
  if (rule.amount == 0) return text;
  char number[32];
  std::snprintf(number, sizeof number, "@%g", rule.amount);
  return text + number;
}

json means_of(const gate_report& report) {
  const auto means = [](const condition_summary& c) {
    json entry = json::object();
    for (std::size_t f = 0; f < c.figures.size(); ++f)
      entry[std::string(figure_names[f])] = {{"mean", c.figures[f].mean}};
    return entry;
  };
  json found = {{"no_key", means(report.no_key)}};
  if (!report.valid_key) return found;
  found["valid_key"] = means(*report.valid_key);
  for (const invalid_summary& invalid : report.invalid_keys)
    place(found, "invalid_key", json::object())[spelled_rule(invalid.rule)] = means(invalid.summary);
  return found;
}

json to_json(const gate_report& report, index_t classes) {
  json metrics = {{"no_key", condition(report.no_key)}};
  if (!report.valid_key) return metrics;
  metrics["valid_key"] = condition(*report.valid_key);
  metrics["valid_key"]["weak"] = report.valid_key->weak;
  std::size_t angles = 0;
  for (const invalid_summary& invalid : report.invalid_keys) {
    place(metrics, "invalid_key", json::object())[spelled_rule(invalid.rule)] = condition(invalid.summary);
    angles += invalid.rule.family == invalid_family::angle ? 1 : 0;
    if (invalid.rule.family == invalid_family::gaussian) {
      metrics["absorption"] = absorption_index((*report.valid_key)[figure::semantic].mean,
                                               invalid.summary[figure::semantic].mean, classes);
    }
  }
  if (angles > 1) metrics["acceptance"] = acceptance(report);
  return metrics;
}

std::string metrics_text(const gate_report& report, index_t classes) {
  return to_json(report, classes).dump(2) + "\n";
}

std::string table(const gate_report& report) {
  index_t answers = 0, not_finite = 0;
  std::string names(20, ' '), columns(20, ' ');
  for (const std::string_view figure : figure_names) {
    names += std::string(figure) + std::string(17 - figure.size(), ' ');
    columns += "  mean  worst    ";
  }
  names.resize(names.find_last_not_of(' ') + 1);
  std::string text = names + "\n" + columns + "keys x images\n";
  const auto add = [&](const std::string& name, const condition_summary& c) {
    char cell[64];
    std::snprintf(cell, sizeof cell, "%-18s", name.c_str());
    text += cell;
    for (const figure_summary& s : c.figures) {
      if (c.keys == 1) {
        std::snprintf(cell, sizeof cell, "  %.4f      -  ", s.mean);  // one key is the worst, too
      } else {
        std::snprintf(cell, sizeof cell, "  %.4f %.4f  ", s.mean, s.worst);
      }
      text += cell;
    }
    std::snprintf(cell, sizeof cell, "  %4lld x %lld\n", static_cast<long long>(c.keys),
                  static_cast<long long>(c.images_per_key));
    text += cell;
    answers += c.keys * c.images_per_key;
    not_finite += c.not_finite;
  };
  add("no key", report.no_key);
  if (report.valid_key) add("valid key", *report.valid_key);
  for (const invalid_summary& invalid : report.invalid_keys) add(spelled_rule(invalid.rule), invalid.summary);
  if (not_finite > 0)
    text += std::to_string(not_finite) + " of " + std::to_string(answers) +
            " answers are NaN or infinity: counted as refused, and as right in no column\n";
  if (report.valid_key) {
    char line[96];
    std::snprintf(line, sizeof line, "weak valid keys (semantic below %g of the mean): %lld of %lld\n",
                  weak_below,
                  std::llround(report.valid_key->weak * static_cast<double>(report.valid_key->keys)),
                  static_cast<long long>(report.valid_key->keys));
    text += line;
  }
  return text;
}

std::string table_legend() {
  return "semantic    right answers; a refusal is none\n"
         "masked      right answers of one who ignores the refusal\n"
         "calibrated  the same, after putting every class's logits on one scale first\n"
         "reject      refusals\n"
         "A gate holds where valid keys are high in the first three columns, and no key and invalid keys "
         "near\n"
         "chance (1 / classes) or below. worst: the key that is the worst for the gate.\n";
}

std::string line_of(const gate_report& report) {
  const auto text = [](const condition_summary& c) {
    char shares[80];
    std::snprintf(shares, sizeof shares, "%.3f right, %.3f masked, %.3f refused", c[figure::semantic].mean,
                  c[figure::masked].mean, c[figure::reject].mean);
    return std::string(shares);
  };
  return report_line("test images", report, text);
}
