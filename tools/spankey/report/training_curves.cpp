#include "training_curves.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "html_text.hpp"
#include "line_chart.hpp"
#include "marks.hpp"
#include "page.hpp"
#include "spankey/core/finite.hpp"

namespace {

constexpr std::size_t most_points = 480;  // more than a picture's width in pixels on most screens

struct curve_kind {
  curve which;
  const char* title;
  bool of_epochs;    // an epoch's record holds its mean
  bool is_share;     // 0 to 1
  bool may_be_wide;  // may need a logarithmic axis
};
constexpr std::array kinds = {
    curve_kind{curve::loss, "Loss", true, false, true},
    curve_kind{curve::cross_entropy, "Cross entropy", true, false, true},
    curve_kind{curve::deny, "Deny loss", true, false, true},
    curve_kind{curve::accuracy, "Training accuracy", true, true, false},
    curve_kind{curve::learning_rate, "Learning rate", false, false, false},
    curve_kind{curve::gradient_norm, "Gradient norm", false, false, true},
};

double value_of(const curve_values& values, curve which) { return values[static_cast<std::size_t>(which)]; }

// Steps of the horizontal axis: 1 / steps_of_epoch of it, or 1 while no epoch has ended.
double step_width(const training_log& log) {
  std::int64_t last = 0;
  for (const logged_step& s : log.steps) last = std::max(last, s.step);
  return log.epochs.empty() ? 1 : 1 / static_cast<double>(last + 1);
}

std::vector<chart_point> step_points(const training_log& log, curve which) {
  const double width = step_width(log);
  std::vector<chart_point> points;
  for (const logged_step& s : log.steps) {
    const double x = static_cast<double>(s.epoch) + static_cast<double>(s.step + 1) * width;
    points.push_back({.x = x, .y = value_of(s.values, which)});
  }
  return points;
}

// An epoch's mean holds from its begin to its end.
std::vector<chart_point> epoch_points(const training_log& log, curve which) {
  std::vector<chart_point> points;
  for (const logged_epoch& e : log.epochs) {
    const double y = value_of(e.values, which), begin = static_cast<double>(e.epoch);
    points.push_back({.x = begin, .y = y});
    points.push_back({.x = begin + 1, .y = y});
  }
  return points;
}

struct extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) {
    if (!spankey::is_finite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  [[nodiscard]] bool is_empty() const { return low > high; }
};

fitted_axis value_axis(const curve_kind& kind, const extent& values) {
  if (kind.is_share) return share_axis();
  if (kind.may_be_wide && values.low > 0 && values.high >= 100 * values.low)
    return logarithmic_axis(values.low, values.high);
  return linear_axis(std::min(values.low, 0.0), values.high);
}

// Ticks at whole epochs or steps, and an axis that ends where the run does.
fitted_axis time_axis(double end) {
  fitted_axis axis = linear_axis(0, end, 5);
  axis.high = end;
  std::erase_if(axis.ticks, [&](const axis_tick& t) { return t.at > end || t.at != std::round(t.at); });
  return axis;
}

std::string curve_panel(const training_log& log, const curve_kind& kind) {
  const auto steps = step_points(log, kind.which);
  const auto epochs =
      kind.of_epochs || log.steps.empty() ? epoch_points(log, kind.which) : std::vector<chart_point>{};
  extent values, time;
  for (const auto* points : {&steps, &epochs})
    for (const chart_point& p : *points) values.add(p.y), time.add(p.x);
  if (values.is_empty()) return {};

  line_chart chart;
  chart.x_name = log.epochs.empty() ? "step" : "epoch";
  chart.x = time_axis(time.high);
  chart.y = value_axis(kind, values);
  const auto as_text = [&](double value) { return kind.is_share ? share_text(value) : figure_text(value); };
  const auto& main = epochs.empty() ? steps : epochs;
  chart.text = std::string(kind.title) + " by " + chart.x_name + ", " + std::to_string(log.steps.size()) +
               " steps: first " + as_text(main.front().y) + ", last " + as_text(main.back().y) + ", lowest " +
               as_text(values.low) + ", highest " + as_text(values.high);
  if (!steps.empty()) {
    // The only line of its picture need not be faint, unless it is a noisy one.
    const bool is_smooth = kind.which == curve::learning_rate;
    chart.series.push_back({.colour = 1,
                            .style = is_smooth ? line_style::solid : line_style::thin,
                            .points = thinned(steps, most_points)});
  }
  if (!epochs.empty()) chart.series.push_back({.colour = 1, .style = line_style::solid, .points = epochs});
  return panel(kind.title, chart.y.logarithmic ? "logarithmic" : "", drawn(chart));
}

}  // namespace

std::string training_curves(const training_log& log) {
  std::vector<std::string> boxes;
  for (const curve_kind& kind : kinds) {
    std::string box = curve_panel(log, kind);
    if (!box.empty()) boxes.push_back(std::move(box));
  }
  if (boxes.empty()) return paragraph("The log holds no step and no epoch yet.", true);
  std::vector<legend_entry> signs;
  const std::string begin = "<path class=\"", end = " " + colour_class(1) + "\" d=\"M2 7H26\"/>";
  if (!log.steps.empty()) signs.push_back({begin + "thin" + end, "step"});
  if (!log.epochs.empty()) signs.push_back({begin + "line" + end, "mean of an epoch"});
  return legend(signs) + panels("curves", boxes);
}

std::string epoch_table(const training_log& log) {
  if (log.epochs.empty()) return {};
  html_table table("Epochs: means over their images; the learning rate at their end", {{"epoch", false},
                                                                                       {"loss"},
                                                                                       {"cross entropy"},
                                                                                       {"deny"},
                                                                                       {"accuracy"},
                                                                                       {"learning rate"},
                                                                                       {"seconds"},
                                                                                       {"images/s"}});
  const auto number = [](double value, const std::string& text) {
    return number_cell(!spankey::is_finite(value) ? "\xE2\x80\x93" : text);
  };
  for (const logged_epoch& e : log.epochs) {
    std::string row;
    for (const curve_kind& kind : kinds) {
      if (kind.which == curve::gradient_norm) continue;
      const double value = value_of(e.values, kind.which);
      row += number(value, kind.is_share ? share_text(value) : figure_text(value));
    }
    row += number(e.seconds, coordinate(e.seconds)) +
           number(e.images_per_second, coordinate(e.images_per_second));
    table.add({std::to_string(e.epoch + 1), {row}});
  }
  return table.html();
}
