#include "metrics_report.hpp"

#include <cstdio>

namespace {

// f(name, summary) for every condition that was evaluated.
template <class F>
void for_each_condition(const spankey::gate_report& report, F&& f) {
  f("no_key", report.no_key);
  if (report.valid_key) f("valid_key", *report.valid_key);
  if (report.invalid_key) f("invalid_key", *report.invalid_key);
}

}  // namespace

nlohmann::json to_json(const spankey::gate_report& report) {
  nlohmann::json metrics;
  for_each_condition(report, [&](const char* name, const spankey::condition_summary& c) {
    nlohmann::json& entry = metrics[name];
    entry["keys"] = c.keys;
    entry["images_per_key"] = c.images_per_key;
    entry["distinct_images"] = c.distinct_images;
    for (std::size_t f = 0; f < c.figures.size(); ++f) {
      const spankey::figure_summary& s = c.figures[f];
      entry[std::string(spankey::figure_names[f])] = {
          {"mean", s.mean}, {"worst", s.worst}, {"wilson95", {s.bounds.low, s.bounds.high}}};
    }
  });
  return metrics;
}

std::string table(const spankey::gate_report& report) {
  std::string text =
      "              semantic         masked           calibrated       reject\n"
      "              mean   worst     mean   worst     mean   worst     mean   worst    keys x images\n";
  for_each_condition(report, [&](const char* name, const spankey::condition_summary& c) {
    char cell[64];
    std::snprintf(cell, sizeof cell, "%-12s", name);
    text += cell;
    for (const spankey::figure_summary& s : c.figures) {
      std::snprintf(cell, sizeof cell, "  %.4f %.4f  ", s.mean, s.worst);
      text += cell;
    }
    text += std::to_string(c.keys) + " x " + std::to_string(c.images_per_key) + "\n";
  });
  return text;
}
