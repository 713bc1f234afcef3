#include "attack_section.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "bar_chart.hpp"
#include "html_text.hpp"
#include "line_chart.hpp"
#include "page.hpp"

namespace {

// As many as are told apart by colour and sign, beside the two lines.
constexpr std::size_t most_curves = 4;
constexpr std::size_t open_colour = 0, first_colour = 1;

std::string gain_text(const attacked_point& p) {
  if (!p.gain) return "nothing to gain";
  std::string text = share_text(*p.gain);
  if (p.low && p.high) text += " (" + share_text(*p.low) + " to " + share_text(*p.high) + ")";
  return text;
}

std::string measures_text(const attacked_point& p) {
  std::string text;
  for (const auto& [name, value] : p.measures)
    text += (text.empty() ? "" : ", ") + name + " " + (value ? figure_text(*value) : "none");
  return text;
}

std::string verdicts(const std::vector<attacked_game>& games) {
  html_table table("Games: the attack that gains most", {{"game", false},
                                                         {"verdict", false},
                                                         {"attack", false},
                                                         {"budget"},
                                                         {"", false},
                                                         {"right"},
                                                         {"worst key"},
                                                         {"gain, 95 %"}});
  for (const attacked_game& game : games) {
    const attacked_point& p = game.points[game.best];
    table.add({std::to_string(game.number) + " " + game.title,
               {text_cell(game.verdict) + text_cell(p.attack) + number_cell(tick_text(p.budget)) +
                text_cell(p.unit) + number_cell(share_text(p.right)) + number_cell(share_text(p.worst)) +
                number_cell(gain_text(p))}});
  }
  return table.html();
}

using curves_by_attack = std::map<std::string, std::vector<attacked_point>>;

// Attacks with several budgets of one unit, those first that do most with the largest.
std::vector<std::pair<std::string, std::vector<attacked_point>>> strongest(const curves_by_attack& curves) {
  std::vector<std::pair<std::string, std::vector<attacked_point>>> chosen;
  for (const auto& [attack, points] : curves)
    if (points.size() > 1) chosen.emplace_back(attack, points);
  std::stable_sort(chosen.begin(), chosen.end(), [](const auto& a, const auto& b) {
    return a.second.back().right > b.second.back().right;
  });
  if (chosen.size() > most_curves) chosen.resize(most_curves);
  return chosen;
}

std::string curve_box(const attacked_game& game, const std::string& unit, const curves_by_attack& all) {
  const auto curves = strongest(all);
  if (curves.empty()) return {};
  double low = curves.front().second.front().budget, high = low;
  for (const auto& [attack, points] : curves)
    for (const attacked_point& p : points) low = std::min(low, p.budget), high = std::max(high, p.budget);
  line_chart chart;
  chart.x_name = unit;
  chart.x = low > 0 && high >= 10 * low ? logarithmic_axis(low, high) : linear_axis(low, high);
  chart.y = share_axis();
  chart.beside = 2.5;
  chart.text = game.title + ", right answers over " + unit;
  std::vector<legend_entry> signs;
  const attacked_point& first = curves.front().second.front();
  chart.series.push_back(
      {.colour = open_colour,
       .style = line_style::solid,
       .points = {{.x = chart.x.low, .y = first.open}, {.x = chart.x.high, .y = first.open}}});
  signs.push_back({line_sample(open_colour), "valid keys"});
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const auto& [attack, points] = curves[i];
    line_series series{.colour = first_colour + i, .style = line_style::marked, .points = {}};
    for (const attacked_point& p : points)
      series.points.push_back({.x = p.budget,
                               .y = p.right,
                               .tip = attack + ", " + tick_text(p.budget) + " " + unit + ": " +
                                      share_text(p.right) + ", gain " + gain_text(p)});
    chart.text += "; " + attack + " from " + share_text(points.front().right) + " to " +
                  share_text(points.back().right);
    chart.series.push_back(std::move(series));
    signs.push_back({line_sample(first_colour + i), attack});
  }
  return "<figure>" + legend(signs) +
         panel(std::to_string(game.number) + " " + game.title, "Right answers.", drawn(chart)) +
         "</figure>\n";
}

std::vector<std::string> curve_boxes(const attacked_game& game) {
  std::vector<std::string> units, boxes;
  std::map<std::string, curves_by_attack> by_unit;
  for (const attacked_point& p : game.points) {
    if (!by_unit.contains(p.unit)) units.push_back(p.unit);
    by_unit[p.unit][p.attack].push_back(p);
  }
  for (const std::string& unit : units)
    if (std::string box = curve_box(game, unit, by_unit[unit]); !box.empty()) boxes.push_back(std::move(box));
  return boxes;
}

// Right answers under every tenant's keys: the row of an unlock matrix that is this network's.
std::string tenants_box(const attacked_point& p) {
  std::vector<share_bar> bars;
  for (const auto& [name, value] : p.measures)
    bars.push_back(
        {.label = name, .tip = "keys of " + name, .colour = name == "own" ? 1U : 2U, .value = value});
  return panel("Keys of every tenant", "Right answers of who ignores the refusal.",
               bar_chart({{"", bars}}, "keys of every tenant"));
}

std::string every_point(const std::vector<attacked_game>& games) {
  html_table table("attack.json: every budget of every attack", {{"game", false},
                                                                 {"attack", false},
                                                                 {"budget"},
                                                                 {"", false},
                                                                 {"right"},
                                                                 {"worst key"},
                                                                 {"floor"},
                                                                 {"gain, 95 %"},
                                                                 {"decides", false},
                                                                 {"beside", false}});
  for (const attacked_game& game : games) {
    html_table::group group{std::to_string(game.number) + " " + game.title, {}};
    for (const attacked_point& p : game.points)
      group.rows_html.push_back(row_head(p.attack) + number_cell(tick_text(p.budget)) + text_cell(p.unit) +
                                number_cell(share_text(p.right)) + number_cell(share_text(p.worst)) +
                                number_cell(share_text(p.floor)) + number_cell(gain_text(p)) +
                                text_cell(p.decides ? "yes" : "shown") + text_cell(measures_text(p)));
    table.add(std::move(group));
  }
  return table.html();
}

}  // namespace

std::string attack_section(const std::vector<attacked_game>& games) {
  if (games.empty()) return {};
  std::string html =
      heading("Games against the gate") +
      paragraph(
          "A game is lost where the whole interval of the attack that gains most is above .1 of what valid "
          "keys "
          "have over the floor, held where it is below. Right answers of who ignores the refusal, where the "
          "attack sees more than answers.") +
      verdicts(games);
  std::vector<std::string> boxes;
  for (const attacked_game& game : games)
    for (std::string& box : curve_boxes(game)) boxes.push_back(std::move(box));
  for (const attacked_game& game : games)
    for (const attacked_point& p : game.points)
      if (p.unit == "tenants" && !p.measures.empty()) boxes.push_back(tenants_box(p));
  if (!boxes.empty()) html += panels("curves", boxes);
  return html + every_point(games);
}
