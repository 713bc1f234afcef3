// Curves over one axis: an SVG picture 300 units wide, 180 high.
//
// A point without a value (NaN) is a gap. A long series is thinned before it is drawn: of every stretch of points
// its smallest and its largest value stay, so a peak of one step is still seen.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "scale.hpp"

struct chart_point {
  double x = 0, y = 0;
  std::optional<double> low = std::nullopt, high = std::nullopt;  // an interval of y
  std::string tip = {};                                           // what hovering shows
};

/// thin: a faint line (every step). solid: a line (means). marked: a line through signs. signs: signs only.
/// published: open diamonds.
enum class line_style { thin, solid, marked, signs, published };

struct line_series {
  std::size_t colour = 0;  // series_mark's numbering
  line_style style = line_style::solid;
  std::vector<chart_point> points;
};

struct line_chart {
  std::string text;    // what the picture shows, for those who do not see it
  std::string x_name;  // under the axis
  fitted_axis x, y;
  std::vector<line_series> series;
  double beside = 0;  // units between series of signs, so that those at one place do not hide each other
};

/// At most about `most` points that look the same as `points`.
std::vector<chart_point> thinned(const std::vector<chart_point>& points, std::size_t most);

/// The picture.
std::string drawn(const line_chart& chart);
