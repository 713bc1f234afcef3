#include "line_chart.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <utility>

#include "html_text.hpp"
#include "marks.hpp"
#include "spankey/core/finite.hpp"

namespace {

constexpr double width = 300, height = 180, left = 38, right = width - 8, top = 8, bottom = height - 34;
constexpr double widest_group = 18;  // of signs that stand beside each other

std::string text_at(double x, double y, const std::string& classes, const std::string& text) {
  return "<text class=\"" + classes + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\">" +
         escaped(text) + "</text>";
}

std::string position(double x, double y) { return coordinate(x) + ' ' + coordinate(y); }

std::string grid(const fitted_axis& x_axis, const fitted_axis& y_axis, const axis_scale& x,
                 const axis_scale& y, const std::string& x_name) {
  std::string svg;
  for (const axis_tick& tick : y_axis.ticks) {
    svg += "<path class=\"grid\" d=\"M" + position(left, y(tick.at)) + "H" + coordinate(right) + "\"/>";
    svg += text_at(left - 6, y(tick.at) + 4, "tick end", tick.text);
  }
  for (const axis_tick& tick : x_axis.ticks) {
    svg += "<path class=\"grid\" d=\"M" + position(x(tick.at), bottom) + "v4\"/>";
    svg += text_at(x(tick.at), bottom + 16, "tick middle", tick.text);
  }
  return svg + text_at((left + right) / 2, height - 4, "tick middle", x_name) + "\n";
}

// A path through the points, broken where there is no value; a point between two gaps becomes a dot.
std::string line(const std::vector<chart_point>& points, const axis_scale& x, const axis_scale& y) {
  std::string path;
  std::size_t run = 0;
  for (const chart_point& p : points) {
    if (!spankey::is_finite(p.y)) {
      if (run == 1) path += "h0";
      run = 0;
    } else {
      path += (run++ == 0 ? "M" : "L") + position(x(p.x), y(p.y));
    }
  }
  return run == 1 ? path + "h0" : path;
}

bool has_signs(const line_series& series) {
  return series.style != line_style::thin && series.style != line_style::solid;
}

// How far the series of every colour stands beside its place: those of one colour together, all of them around it.
std::map<std::size_t, double> shifts_of(const line_chart& chart) {
  std::map<std::size_t, double> shifts;
  for (const line_series& series : chart.series)
    if (has_signs(series) && !series.points.empty()) shifts[series.colour] = 0;
  const auto last = static_cast<double>(shifts.size()) - 1;
  const double between = last > 0 ? std::min(chart.beside, widest_group / last) : 0;
  double at = -between * last / 2;
  for (auto& [colour, shift] : shifts) shift = std::exchange(at, at + between);
  return shifts;
}

std::string signs(const line_series& series, const axis_scale& x, const axis_scale& y) {
  std::string svg;
  for (const chart_point& p : series.points) {
    if (!spankey::is_finite(p.y)) continue;
    svg += "<g><title>" + escaped(p.tip) + "</title>";
    const auto inside = [&](double value) { return y(std::clamp(value, y.low, y.high)); };
    if (p.low && p.high)
      svg += interval_upright(x(p.x), inside(*p.low), inside(*p.high), colour_class(series.colour));
    svg += series.style == line_style::published ? published_mark(x(p.x), y(p.y))
                                                 : series_mark(series.colour, x(p.x), y(p.y));
    svg += "</g>\n";
  }
  return svg;
}

}  // namespace

std::vector<chart_point> thinned(const std::vector<chart_point>& points, std::size_t most) {
  if (points.size() <= most) return points;
  std::vector<chart_point> kept;
  const std::size_t stretches = std::max<std::size_t>(1, most / 2);
  for (std::size_t s = 0; s < stretches; ++s) {
    const std::size_t begin = points.size() * s / stretches, end = points.size() * (s + 1) / stretches;
    // Indices of the smallest, the largest and the first missing value; `end` stands for none.
    std::array<std::size_t, 3> found{end, end, end};
    for (std::size_t i = begin; i < end; ++i) {
      const double value = points[i].y;
      if (!spankey::is_finite(value)) {
        found[2] = std::min(found[2], i);
      } else {
        if (found[0] == end || value < points[found[0]].y) found[0] = i;
        if (found[1] == end || value > points[found[1]].y) found[1] = i;
      }
    }
    std::sort(found.begin(), found.end());
    const auto last = std::unique(found.begin(), found.end());
    for (auto i = found.begin(); i != last; ++i)
      if (*i != end) kept.push_back(points[*i]);
  }
  return kept;
}

std::string drawn(const line_chart& chart) {
  const axis_scale whole{chart.x.low, chart.x.high, left, right, chart.x.logarithmic};
  const axis_scale y{chart.y.low, chart.y.high, bottom, top, chart.y.logarithmic};
  std::string svg = "<svg role=\"img\" aria-label=\"" + escaped(chart.text) + "\" viewBox=\"0 0 " +
                    position(width, height) + "\">\n" + grid(chart.x, chart.y, whole, y, chart.x_name);
  const auto shifts = shifts_of(chart);
  for (const line_series& series : chart.series) {
    axis_scale x{chart.x.low, chart.x.high, left, right, chart.x.logarithmic};
    if (const auto shift = shifts.find(series.colour); shift != shifts.end() && has_signs(series)) {
      x.from += shift->second;
      x.to += shift->second;
    }
    const std::string colour = colour_class(series.colour);
    if (series.style == line_style::thin || series.style == line_style::solid ||
        series.style == line_style::marked) {
      svg += "<path class=\"" + std::string(series.style == line_style::thin ? "thin " : "line ") + colour +
             "\" d=\"" + line(series.points, x, y) + "\"/>\n";
    }
    if (has_signs(series)) svg += signs(series, x, y);
  }
  return svg + "</svg>\n";
}
