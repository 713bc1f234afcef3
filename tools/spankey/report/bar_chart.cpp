#include "bar_chart.hpp"

#include <algorithm>

#include "html_text.hpp"
#include "marks.hpp"
#include "scale.hpp"

namespace {

constexpr double width = 300, number_width = 51, character_width = 6.9;
constexpr double title_height = 17, line_height = 16, bar_height = 9, group_gap = 9, axis_height = 17;
constexpr std::size_t label_characters = 17, title_characters = 34;

std::string numbers_of(const share_bar& bar) {
  std::string text = bar.value ? share_text(*bar.value) : "no value";
  if (bar.low && bar.high) text += ", 95 % interval " + share_text(*bar.low) + " to " + share_text(*bar.high);
  if (bar.worst) text += ", worst key " + share_text(*bar.worst);
  if (bar.published) text += ", published " + share_text(*bar.published);
  return text;
}

std::string text_at(double x, double y, std::string_view classes, std::string_view text) {
  return "<text class=\"" + std::string(classes) + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) +
         "\">" + escaped(text) + "</text>";
}

std::string rectangle(double x, double y, double w, double h, std::string_view classes) {
  return "<rect class=\"" + std::string(classes) + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) +
         "\" width=\"" + coordinate(w) + "\" height=\"" + coordinate(h) + "\"/>";
}

// One bar whose line begins at `top`.
std::string drawn(const share_bar& bar, const axis_scale& x, double top) {
  const double middle = top + line_height / 2, baseline = middle + 4;
  std::string svg = "<g><title>" + escaped(bar.tip) + ": " + numbers_of(bar) + "</title>";
  svg += rectangle(0, top, width, line_height, "touch");  // the whole line answers to the pointer
  svg += text_at(0, baseline, "label", shortened(bar.label, label_characters));
  if (bar.value) {
    svg += rectangle(x.from, middle - bar_height / 2, std::max(x(*bar.value) - x.from, 0.6), bar_height,
                     "bar " + colour_class(bar.colour));
  }
  // An interval over seeds may reach beyond the shares that there are.
  if (bar.low && bar.high)
    svg += interval_across(x(std::clamp(*bar.low, 0.0, 1.0)), x(std::clamp(*bar.high, 0.0, 1.0)), middle);
  if (bar.worst) svg += worst_mark(x(*bar.worst), middle);
  if (bar.published) svg += published_mark(x(*bar.published), middle);
  svg += text_at(width, baseline, "number", bar.value ? share_text(*bar.value) : "\xE2\x80\x93");
  return svg + "</g>\n";
}

double label_width(const std::vector<bar_group>& groups) {
  std::size_t longest = 0;
  for (const bar_group& group : groups)
    for (const share_bar& bar : group.bars) longest = std::max(longest, columns_of(bar.label));
  return 14 + character_width * static_cast<double>(std::min(longest, label_characters));
}

}  // namespace

std::string bar_chart(const std::vector<bar_group>& groups, std::string_view subject) {
  const axis_scale x{.low = 0, .high = 1, .from = label_width(groups), .to = width - number_width};
  std::string bars, spoken(subject);
  double y = 0;
  for (const bar_group& group : groups) {
    if (y > 0) y += group_gap;
    if (!group.title.empty()) {
      bars += text_at(0, y + 12, "title", shortened(group.title, title_characters)) + "\n";
      y += title_height;
    }
    for (const share_bar& bar : group.bars) {
      bars += drawn(bar, x, y);
      spoken += "; " + bar.tip + " " + numbers_of(bar);
      y += line_height;
    }
  }

  std::string grid;
  for (const axis_tick& tick : share_axis().ticks) {
    const double at = x(tick.at);
    grid += "<path class=\"grid\" d=\"M" + coordinate(at) + " 0V" + coordinate(y + 3) + "\"/>";
    if (!tick.text.empty()) grid += text_at(at, y + 14, "tick middle", tick.text);
  }
  return "<svg role=\"img\" aria-label=\"" + escaped(spoken) + "\" viewBox=\"0 0 " + coordinate(width) + ' ' +
         coordinate(y + axis_height) + "\">\n" + grid + "\n" + bars + "</svg>\n";
}
