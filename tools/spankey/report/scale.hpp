// The scale of one axis of a picture: from values to positions, and where its ticks stand.
//
//   linear       position = from + (value - low) / (high - low) (to - from)
//   logarithmic  the same of log10(value); low > 0
//
// An axis that fits its data begins and ends at round numbers: 1, 2 or 5 times a power of ten.
#pragma once

#include <string>
#include <vector>

struct axis_tick {
  double at;
  std::string text;
};

/// From a value to its position along the axis.
struct axis_scale {
  double low = 0, high = 1;
  double from = 0, to = 1;  // positions of low and high
  bool logarithmic = false;
  [[nodiscard]] double operator()(double value) const;
};

/// The ends of an axis over its data, and its ticks.
struct fitted_axis {
  double low, high;
  bool logarithmic;
  std::vector<axis_tick> ticks;
};

/// An axis over [low, high], widened to round numbers, with about `count` ticks.
fitted_axis linear_axis(double low, double high, int count = 4);

/// An axis over [low, high], low > 0, with a tick at every power of ten between its ends (at most five).
fitted_axis logarithmic_axis(double low, double high);

/// The axis of shares, 0 to 1.
fitted_axis share_axis();

/// A number as a tick shows it: as short as it is exact to three digits, no zero before the point.
std::string tick_text(double value);
