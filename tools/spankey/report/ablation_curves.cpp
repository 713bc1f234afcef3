#include "ablation_curves.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ablation.hpp"
#include "condition_view.hpp"
#include "html_text.hpp"
#include "line_chart.hpp"
#include "marks.hpp"
#include "page.hpp"

namespace {

using spankey::figure;
constexpr std::array figures = {figure::semantic, figure::masked, figure::calibrated, figure::reject};

// Conditions of all rows of an ablation, each once; results themselves stay with the rows.
std::vector<condition_result> conditions_of(const ablation& a) {
  std::vector<condition_result> all;
  for (const auto& entry : a.entries) {
    for (const condition_result& c : entry.row->conditions) {
      const bool known = std::any_of(all.begin(), all.end(),
                                     [&](const condition_result& other) { return other.name == c.name; });
      if (!known) all.push_back(c);
    }
  }
  return all;
}

const condition_result* find(const sweep_row& row, const std::string& name) {
  for (const condition_result& c : row.conditions)
    if (c.name == name) return &c;
  return nullptr;
}

// Ticks at the values of the flag; equal distances for sets, and for numbers equal factors where they span many.
struct flag_axis {
  fitted_axis axis;
  std::vector<double> at;  // of every entry
};
flag_axis axis_of(const ablation& a) {
  flag_axis x{{0, 1, false, {}}, {}};
  std::vector<std::string> values;
  for (const auto& entry : a.entries) {
    if (values.empty() || values.back() != entry.value) values.push_back(entry.value);
    x.at.push_back(a.is_number ? entry.number : static_cast<double>(values.size() - 1));
  }
  const double low = x.at.front(), high = x.at.back();
  x.axis.logarithmic = a.is_number && low > 0 && high >= 8 * low;
  // Room beside the outermost signs; each label needs its own.
  const double room = 0.07;
  x.axis.low = x.axis.logarithmic ? low * std::pow(high / low, -room) : low - room * (high - low);
  x.axis.high = x.axis.logarithmic ? high * std::pow(high / low, room) : high + room * (high - low);
  const axis_scale place{x.axis.low, x.axis.high, 0, 250, x.axis.logarithmic};
  double end = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < x.at.size(); ++i) {
    const std::string text = a.is_number ? tick_text(x.at[i]) : shortened(a.entries[i].value, 12);
    const double half = 3.4 * static_cast<double>(columns_of(text)), at = place(x.at[i]);
    const bool repeated = i > 0 && x.at[i] == x.at[i - 1];
    if (repeated || at - half < end + 3) continue;
    x.axis.ticks.push_back({x.at[i], text});
    end = at + half;
  }
  return x;
}

std::string figure_panel(const ablation& a, const std::vector<condition_result>& conditions, figure f) {
  const std::string name(spankey::figure_names[static_cast<std::size_t>(f)]);
  const flag_axis x = axis_of(a);
  line_chart chart;
  chart.text = name + " over " + a.flag;
  chart.x_name = a.flag;
  chart.x = x.axis;
  chart.y = share_axis();
  chart.beside = 4;
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    const std::size_t colour = condition_colour(conditions, c);
    line_series here{
        .colour = colour, .style = a.is_number ? line_style::marked : line_style::signs, .points = {}};
    line_series published{.colour = colour, .style = line_style::published, .points = {}};
    std::string spoken;
    for (std::size_t i = 0; i < a.entries.size(); ++i) {
      const condition_result* result = find(*a.entries[i].row, conditions[c].name);
      if (result == nullptr) continue;
      const std::string where = result->name + " at " + a.flag + " " + a.entries[i].value + ": ";
      if (const auto& value = result->figures[static_cast<std::size_t>(f)]) {
        chart_point p{.x = x.at[i], .y = value->mean};
        if (value->bounds) p.low = value->bounds->low, p.high = value->bounds->high;
        p.tip = where + share_text(value->mean);
        here.points.push_back(p);
        spoken += " " + share_text(value->mean) + " at " + a.entries[i].value + ",";
      }
      if (const auto value = published_of(*result, f))
        published.points.push_back(
            {.x = x.at[i], .y = *value, .tip = where + "published " + share_text(*value)});
    }
    if (!spoken.empty()) chart.text += "; " + conditions[c].name + spoken.substr(0, spoken.size() - 1);
    chart.series.push_back(published);
    chart.series.push_back(here);
  }
  return panel(name, "", drawn(chart));
}

std::string section(const ablation& a) {
  const std::vector<condition_result> conditions = conditions_of(a);
  if (conditions.empty()) return {};
  std::string names;
  for (const auto& entry : a.entries) names += (names.empty() ? "" : "; ") + entry.row->name;
  std::vector<legend_entry> signs;
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    const std::size_t colour = condition_colour(conditions, c);
    signs.push_back({a.is_number ? line_sample(colour) : series_mark(colour, 14, 7), conditions[c].name});
  }
  const bool any_interval = std::any_of(conditions.begin(), conditions.end(), [](const condition_result& c) {
    return c.figures.front() && c.figures.front()->bounds;
  });
  if (any_interval) signs.push_back({interval_upright(14, 1, 13), "95 % interval over seeds"});
  const bool any_published =
      std::any_of(a.entries.begin(), a.entries.end(), [](const ablation::entry& entry) {
        return std::any_of(entry.row->conditions.begin(), entry.row->conditions.end(),
                           [](const condition_result& c) { return c.published.has_value(); });
      });
  if (any_published) signs.push_back({published_mark(14, 7), "published"});
  std::vector<std::string> boxes;
  const std::string deny = option_of(a.entries.front().row->options, "deny");
  for (const figure f : figures)
    if (has_figure(conditions, f, deny)) boxes.push_back(figure_panel(a, conditions, f));
  return heading("Over " + a.flag) + paragraph("Rows that differ in nothing else: " + names + ".") +
         legend(signs) + panels("bars", boxes);
}

}  // namespace

std::string ablation_sections(const std::vector<sweep_row>& rows) {
  std::string html;
  for (const ablation& a : find_ablations(rows)) html += section(a);
  return html;
}
