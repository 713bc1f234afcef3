#include "gate_curves.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "condition_view.hpp"
#include "html_text.hpp"
#include "line_chart.hpp"
#include "marks.hpp"
#include "page.hpp"

namespace {

// Conditions of all lines, each once.
std::vector<condition_result> conditions_of(const training_log& log) {
  std::vector<condition_result> all;
  for (const logged_gate& gate : log.gates) {
    for (const condition_result& c : gate.conditions) {
      const bool known = std::any_of(all.begin(), all.end(),
                                     [&](const condition_result& other) { return other.name == c.name; });
      if (!known) all.push_back(c);
    }
  }
  return all;
}

std::string figure_panel(const training_log& log, const std::vector<condition_result>& conditions,
                         std::size_t f) {
  const std::string name(spankey::figure_names[f]);
  line_chart chart;
  chart.text = name + " on the test images by epoch";
  chart.x_name = "epoch";
  double last = 1;
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    line_series series{.colour = condition_colour(conditions, c), .style = line_style::marked, .points = {}};
    for (const logged_gate& gate : log.gates) {
      for (const condition_result& found : gate.conditions) {
        if (found.name != conditions[c].name || !found.figures[f]) continue;
        const double x = static_cast<double>(gate.epoch + 1), y = found.figures[f]->mean;
        last = std::max(last, x);
        series.points.push_back(
            {.x = x,
             .y = y,
             .tip = found.name + " after epoch " + std::to_string(gate.epoch + 1) + ": " + share_text(y)});
      }
    }
    if (series.points.empty()) continue;
    chart.text += "; " + conditions[c].name + " at last " + share_text(series.points.back().y);
    chart.series.push_back(std::move(series));
  }
  chart.x = linear_axis(0, last, 5);
  chart.x.high = last * 1.04;
  std::erase_if(chart.x.ticks, [&](const axis_tick& t) { return t.at > last || t.at != std::round(t.at); });
  chart.y = share_axis();
  return panel(name, "", drawn(chart));
}

}  // namespace

std::string gate_curves(const training_log& log) {
  const std::vector<condition_result> conditions = conditions_of(log);
  if (conditions.empty()) return {};
  std::vector<legend_entry> signs;
  for (std::size_t c = 0; c < conditions.size(); ++c)
    signs.push_back({line_sample(condition_colour(conditions, c)), conditions[c].name});
  std::vector<std::string> boxes;
  for (std::size_t f = 0; f < spankey::figure_names.size(); ++f) {
    const bool any = std::any_of(conditions.begin(), conditions.end(),
                                 [&](const condition_result& c) { return c.figures[f].has_value(); });
    if (any) boxes.push_back(figure_panel(log, conditions, f));
  }
  return heading("The gate while it trained") + legend(signs) + panels("curves", boxes);
}
