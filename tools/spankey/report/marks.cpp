#include "marks.hpp"

#include <initializer_list>

#include "html_text.hpp"

namespace {

// Moves to the first point of `steps` (pairs x, y from the middle) and draws through the others.
std::string outline(double x, double y, std::initializer_list<double> steps) {
  std::string path;
  const double* at = steps.begin();
  for (std::size_t i = 0; i < steps.size(); i += 2)
    path += (i == 0 ? "M" : "L") + coordinate(x + at[i]) + ' ' + coordinate(y + at[i + 1]);
  return path;
}

std::string path_of(const std::string& classes, const std::string& d) {
  return "<path class=\"" + classes + "\" d=\"" + d + "\"/>";
}

}  // namespace

std::string colour_class(std::size_t series) { return "c" + std::to_string(series % series_colours); }

std::string series_mark(std::size_t series, double x, double y) {
  const std::string colour = colour_class(series);
  const std::size_t number = series % series_colours, turn = series / series_colours;
  switch (number < 2 ? number : 2 + (number - 2 + turn) % (series_colours - 2)) {
    case 0:
      return "<circle class=\"mark " + colour + "\" cx=\"" + coordinate(x) + "\" cy=\"" + coordinate(y) +
             "\" r=\"3.4\"/>";
    case 1:
      return path_of("mark " + colour, outline(x, y, {-3.1, -3.1, 3.1, -3.1, 3.1, 3.1, -3.1, 3.1}) + "Z");
    case 2:
      return path_of("mark " + colour, outline(x, y, {0, -4.2, 3.9, 2.9, -3.9, 2.9}) + "Z");
    case 3:
      return path_of("mark " + colour, outline(x, y, {0, 4.2, 3.9, -2.9, -3.9, -2.9}) + "Z");
    case 4:
      return path_of("sign " + colour,
                     outline(x, y, {-3.1, -3.1, 3.1, 3.1}) + outline(x, y, {-3.1, 3.1, 3.1, -3.1}));
    default:
      return path_of("sign " + colour, outline(x, y, {-4, 0, 4, 0}) + outline(x, y, {0, -4, 0, 4}));
  }
}

std::string published_mark(double x, double y) {
  return path_of("published", outline(x, y, {0, -5, 5, 0, 0, 5, -5, 0}) + "Z");
}

std::string worst_mark(double x, double y) {
  return "<circle class=\"worst\" cx=\"" + coordinate(x) + "\" cy=\"" + coordinate(y) + "\" r=\"2.8\"/>";
}

std::string interval_across(double low, double high, double y) {
  return path_of("interval", outline(low, y, {0, -2.5, 0, 2.5}) + outline(0, y, {low, 0, high, 0}) +
                                 outline(high, y, {0, -2.5, 0, 2.5}));
}

std::string interval_upright(double x, double low, double high, const std::string& colour) {
  return path_of(colour.empty() ? "interval" : "interval " + colour, outline(x, low, {-2.5, 0, 2.5, 0}) +
                                                                         outline(x, 0, {0, low, 0, high}) +
                                                                         outline(x, high, {-2.5, 0, 2.5, 0}));
}
