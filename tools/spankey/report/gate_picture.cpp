#include "gate_picture.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "bar_chart.hpp"
#include "condition_view.hpp"
#include "html_text.hpp"
#include "line_chart.hpp"
#include "marks.hpp"
#include "spankey/core/error.hpp"
#include "style.hpp"

namespace {

using spankey::figure;

constexpr double chart_width = 300, gap = 32, margin = 16, title_height = 48;

// The page's rules for what is in a picture; a file of its own is not sure to find the page's variables.
std::string picture_style(picture_theme theme) {
  const std::size_t begin = page_style.find("text {"), end = page_style.find("\n\n", begin);
  std::string rules(page_style.substr(begin, end - begin));
  for (std::size_t at = rules.find("var("); at != std::string::npos; at = rules.find("var(", at)) {
    const std::size_t closed = rules.find(')', at);
    const std::string name = rules.substr(at + 4, closed - at - 4) + ": ";
    const std::size_t light = page_style.find(name);
    const std::size_t value =
        (theme == picture_theme::light ? light : page_style.find(name, light + 1)) + name.size();
    rules.replace(at, closed + 1 - at, page_style.substr(value, page_style.find(';', value) - value));
  }
  return "<style>\nsvg { font-family: system-ui, \"Segoe UI\", \"Liberation Sans\", Arial, sans-serif; }\n" +
         rules + "\n</style>\n";
}

std::string text_at(double x, double y, std::string_view classes, std::string_view text) {
  return "<text class=\"" + std::string(classes) + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) +
         "\">" + escaped(text) + "</text>\n";
}

// A chart of the page at a place of its own.
std::string placed(std::string chart, double x, double y) {
  const std::size_t box = chart.find("viewBox=\"0 0 ") + 13, between = chart.find(' ', box),
                    end = chart.find('"', box);
  const std::string size = "width=\"" + chart.substr(box, between - box) + "\" height=\"" +
                           chart.substr(between + 1, end - between - 1) + "\" ";
  return chart.insert(5, "x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" " + size);
}

double height_of(const std::string& chart) {
  const std::size_t box = chart.find("viewBox=\"0 0 ") + 13, between = chart.find(' ', box);
  return std::stod(chart.substr(between + 1));
}

// Turned keys have the other half of the picture, and what lies in the span is no wrong key.
bool is_shown(const condition_result& c) {
  constexpr std::array<std::string_view, 4> elsewhere = {"angle", "negated", "scaled", "zero_mean"};
  return !c.invalid || std::none_of(elsewhere.begin(), elsewhere.end(), [&](std::string_view family) {
    return c.label.substr(0, family.size()) == family;
  });
}

line_series series_of(const acceptance_curve& acceptance, figure f, std::size_t colour) {
  line_series series{.colour = colour, .style = line_style::marked, .points = {}};
  const std::vector<double>& shares = acceptance.figures[static_cast<std::size_t>(f)];
  for (std::size_t i = 0; i < shares.size(); ++i)
    series.points.push_back({.x = acceptance.angle[i], .y = shares[i]});
  return series;
}

}  // namespace

std::string gate_picture(const run_results& run, picture_theme theme) {
  std::vector<condition_result> shown;
  std::copy_if(run.conditions.begin(), run.conditions.end(), std::back_inserter(shown), is_shown);
  std::stable_partition(shown.begin(), shown.end(),
                        [](const condition_result& c) { return c.label == "valid key"; });
  if (shown.size() < 3 || !run.acceptance || run.acceptance->angle.size() < 2)
    spankey::fail(
        "report.107", run.name,
        "a picture of the gate needs the answers to invalid keys, also at some angles; evaluate the run with "
        "--families all");
  const std::string bars = bar_chart({{"", condition_bars(shown, figure::semantic)}}, "Right answers");
  line_chart turned;
  turned.text = "Right answers as a valid key turns out of the span, and those behind the refusal";
  turned.x_name = "angle between key and span, degrees";
  turned.x = {0, 90, false, {}};
  for (const double at : {0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0})
    turned.x.ticks.push_back({at, std::to_string(static_cast<int>(at))});
  turned.y = share_axis();
  turned.series = {series_of(*run.acceptance, figure::masked, 2),
                   series_of(*run.acceptance, figure::semantic, 1)};
  const std::string curves = drawn(turned);

  const double right = margin + chart_width + gap, width = right + chart_width + margin;
  const double height = margin + title_height + std::max(height_of(bars), height_of(curves)) + margin;
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 " + coordinate(width) + ' ' +
      coordinate(height) + "\" width=\"" + coordinate(width) + "\" height=\"" + coordinate(height) +
      "\">\n<title>What a gated network answers with a valid key, without a key, and with wrong ones"
      "</title>\n" +
      picture_style(theme);
  svg += text_at(margin, margin + 14, "title", "Right answers, by key");
  svg += worst_mark(margin + 6, margin + 30) +
         text_at(margin + 16, margin + 34, "tick", "the worst of the keys");
  svg += text_at(right, margin + 14, "title", "The same, as a key turns out of its span");
  svg += series_mark(1, right + 6, margin + 30) + text_at(right + 16, margin + 34, "tick", "as answered");
  svg += series_mark(2, right + 106, margin + 30) +
         text_at(right + 116, margin + 34, "tick", "by one who ignores refusals");
  return svg + placed(bars, margin, margin + title_height) + placed(curves, right, margin + title_height) +
         "</svg>\n";
}
