#include "turned_section.hpp"

#include <algorithm>

#include "html_text.hpp"
#include "line_chart.hpp"
#include "page.hpp"

std::string turned_section(const std::vector<turned_answers>& turned) {
  if (turned.empty()) return {};
  line_chart chart;
  chart.x_name = "predicted share";
  chart.text = "Answers that noise on the keys turns, measured over predicted";
  chart.beside = 2.5;
  std::vector<legend_entry> signs = {{line_sample(0), "as predicted"}};
  double most = 0.05;
  for (const turned_answers& t : turned)
    for (const auto& group : t.groups) most = std::max({most, group[0], group[1]});
  chart.x = chart.y = linear_axis(0, most);
  chart.series.push_back(
      {.colour = 0, .style = line_style::solid, .points = {{.x = 0, .y = 0}, {.x = most, .y = most}}});
  html_table table("diagnose.json: answers turned by noise, samples in groups of as many",
                   {{"keys", false}, {"predicted"}, {"measured"}});
  for (std::size_t i = 0; i < turned.size(); ++i) {
    const turned_answers& t = turned[i];
    line_series series{.colour = i + 1, .style = line_style::signs, .points = {}};
    html_table::group rows{t.base, {}};
    for (const auto& group : t.groups) {
      series.points.push_back(
          {.x = group[0],
           .y = group[1],
           .tip = t.base + ": predicted " + share_text(group[0]) + ", measured " + share_text(group[1])});
      rows.rows_html.push_back(number_cell(share_text(group[0])) + number_cell(share_text(group[1])));
    }
    chart.text += "; " + t.base + ": " + share_text(t.measured) + " where " + share_text(t.predicted) +
                  " were predicted";
    chart.series.push_back(std::move(series));
    signs.push_back({line_sample(i + 1), t.base});
    table.add(std::move(rows));
  }
  return heading("What noise on the keys turns") +
         paragraph(
             "A network that is as linear in its keys as the prediction says lies on the line; predicted "
             "from "
             "margins and their gradients, measured with drawn noise.") +
         legend(signs) +
         panels("curves", {"<figure>" + drawn(chart) + "</figure>\n", "<div>" + table.html() + "</div>\n"});
}
