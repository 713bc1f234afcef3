#include "run_page.hpp"

#include <algorithm>
#include <array>

#include "attack_section.hpp"
#include "condition_view.hpp"
#include "gate_curves.hpp"
#include "html_text.hpp"
#include "line_chart.hpp"
#include "marks.hpp"
#include "page.hpp"
#include "training_curves.hpp"
#include "turned_section.hpp"

namespace {

using spankey::figure;
using spankey::figure_names;
constexpr std::array figures = {figure::semantic, figure::masked, figure::calibrated, figure::reject};

// "resnet18 on glyphs, inject mul, deny B, 40 epochs, seed 1": what config.json names of it.
std::string summary(const shown_settings& config) {
  const auto value = [&](std::string_view name) { return option_of(config, name); };
  std::string text = value("model");
  const std::string data = value("data");
  if (!data.empty()) text += (text.empty() ? "" : " on ") + data.substr(data.find_last_of('/') + 1);
  const auto add = [&](const char* before, const char* name, const char* after) {
    if (!value(name).empty()) text += (text.empty() ? "" : ", ") + (before + value(name)) + after;
  };
  add("inject ", "inject", "");
  add("deny ", "deny", "");
  add("", "epochs", value("epochs") == "1" ? " epoch" : " epochs");
  add("seed ", "seed", "");
  return text;
}

std::string gate_section(const run_results& run) {
  std::string html = heading("What the gate lets through");
  if (!run.evaluated) return html + paragraph("Not evaluated yet: there is no metrics.json.", true);
  if (run.conditions.empty()) return html + paragraph("metrics.json names no condition.", true);
  const bool has_invalid = std::any_of(run.conditions.begin(), run.conditions.end(),
                                       [](const condition_result& c) { return c.invalid; });
  html += paragraph(std::string("Shares of the test images, mean over keys.") +
                    (has_invalid ? " Invalid keys stand under the name of their family." : ""));
  html += legend(bar_legend(run.conditions, "")) + gate_note(run.conditions);
  std::vector<std::string> boxes;
  for (std::size_t f = 0; f < figures.size(); ++f) {
    if (!has_figure(run.conditions, figures[f], option_of(run.config, "deny"))) continue;
    const std::string name(figure_names[f]);
    boxes.push_back(
        panel(name, figure_notes[f], bar_chart({{"", condition_bars(run.conditions, figures[f])}}, name)));
  }
  html += panels("bars", boxes) + not_finite_note(run.conditions);
  for (const condition_result& condition : run.conditions)
    if (condition.weak)
      html += paragraph("Weak valid keys: " + share_text(*condition.weak) +
                        " of them are right less often than " + share_text(spankey::weak_below) +
                        " of the mean over valid keys.");
  if (run.absorption) html += paragraph(absorption_text(*run.absorption));
  return html;
}

// 0 to 90 degrees where that holds all angles.
fitted_axis angle_axis(const std::vector<double>& angle) {
  const auto [low, high] = std::minmax_element(angle.begin(), angle.end());
  if (*low < 0 || *high > 90) return linear_axis(*low, *high);
  fitted_axis axis{-4, 94, false, {}};  // room for the signs at both ends
  for (const double at : {0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0}) axis.ticks.push_back({at, tick_text(at)});
  return axis;
}

// Series of a figure: blue for semantic, grey for the refusals.
constexpr std::array<std::size_t, figures.size()> figure_colours = {1, 2, 3, 0};

std::string acceptance_section(const run_results& run) {
  acceptance_curve acceptance = *run.acceptance;
  if (acceptance.angle.empty()) return {};
  for (std::size_t f = 0; f < figures.size(); ++f)
    if (!has_figure(run.conditions, figures[f], option_of(run.config, "deny"))) acceptance.figures[f].clear();
  line_chart chart;
  chart.x_name = "angle between key and span, degrees";
  chart.x = angle_axis(acceptance.angle);
  chart.y = share_axis();
  chart.text = "Shares over the angle between key and span";
  chart.beside = 2.5;
  std::vector<legend_entry> signs;
  std::vector<html_table::column> columns = {{"degrees", false}};
  for (std::size_t f = 0; f < figures.size(); ++f) {
    const std::vector<double>& shares = acceptance.figures[f];
    if (shares.empty()) continue;
    const std::string name(figure_names[f]);
    line_series series{.colour = figure_colours[f], .style = line_style::marked, .points = {}};
    for (std::size_t i = 0; i < shares.size(); ++i) {
      series.points.push_back(
          {.x = acceptance.angle[i],
           .y = shares[i],
           .tip = name + " at " + tick_text(acceptance.angle[i]) + " degrees: " + share_text(shares[i])});
    }
    chart.text += "; " + name + " from " + share_text(shares.front()) + " to " + share_text(shares.back());
    chart.series.push_back(std::move(series));
    signs.push_back({line_sample(figure_colours[f]), name});
    columns.push_back({name});
  }
  html_table table("Shares over the angle between key and span", columns);
  for (std::size_t i = 0; i < acceptance.angle.size(); ++i) {
    std::string row;
    for (const auto& shares : acceptance.figures)
      if (!shares.empty()) row += number_cell(share_text(shares[i]));
    table.add({tick_text(acceptance.angle[i]), {row}});
  }
  return heading("Acceptance over the angle") +
         paragraph("0 degrees: keys in the span of the secret basis; 90: keys orthogonal to it.") +
         legend(signs) +
         panels("curves", {"<figure>" + drawn(chart) + "</figure>\n", "<div>" + table.html() + "</div>\n"});
}

std::string metrics_table(const run_results& run) {
  html_table table("metrics.json: mean over keys, 95 % interval, worst key for the gate",
                   {{"condition", false},
                    {"figure", false},
                    {"mean"},
                    {"low"},
                    {"high"},
                    {"worst"},
                    {"keys"},
                    {"images per key"},
                    {"distinct images"}});
  for (const condition_result& c : run.conditions) {
    html_table::group group{c.name, {}};
    for (std::size_t f = 0; f < figures.size(); ++f) {
      const auto& value = c.figures[f];
      if (!value) continue;
      std::string row = row_head(figure_names[f]) + share_cell(value->mean) + bounds_cells(value->bounds) +
                        share_cell(value->worst);
      if (c.seen && group.rows_html.empty()) {
        for (const std::int64_t count : {c.seen->keys, c.seen->images_per_key, c.seen->distinct_images})
          row += number_cell(std::to_string(count));
      }
      group.rows_html.push_back(row);
    }
    table.add(group);
  }
  if (run.absorption) table.add({"absorption", {row_head("index") + share_cell(run.absorption)}});
  return table.html();
}

}  // namespace

std::string run_page(const run_results& run) {
  std::string html = heading("What ran") + option_list(run.config) + gate_section(run);
  if (run.acceptance) html += acceptance_section(run);
  html += turned_section(run.turned) + attack_section(run.games);
  html += heading("Training");
  html += run.log ? training_curves(*run.log) : paragraph("There is no log.jsonl.", true);
  if (run.log) html += gate_curves(*run.log);
  const std::string epochs = run.log ? epoch_table(*run.log) : "";
  if (!run.conditions.empty() || !epochs.empty()) html += heading("Every number");
  if (!run.conditions.empty()) html += metrics_table(run);
  return html_page("Run " + run.name, summary(run.config), html + epochs);
}
