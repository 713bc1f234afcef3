#include "scale.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

double axis_scale::operator()(double value) const {
  const double share =
      logarithmic ? std::log10(value / low) / std::log10(high / low) : (value - low) / (high - low);
  return from + share * (to - from);
}

std::string tick_text(double value) {
  char text[32];
  const double size = std::fabs(value);
  std::snprintf(text, sizeof text, size != 0 && (size < 0.001 || size >= 1e6) ? "%.0e" : "%.6g", value);
  std::string shown = text;
  if (shown.starts_with("0.")) return shown.substr(1);
  if (shown.starts_with("-0.")) return "-" + shown.substr(2);
  // 1e-04 says no more than 1e-4.
  const std::size_t exponent = shown.find('e');
  if (exponent != std::string::npos) {
    if (shown[exponent + 1] == '+') shown.erase(exponent + 1, 1);
    const std::size_t digits = shown.find_first_of("0123456789", exponent);
    while (shown[digits] == '0' && digits + 1 < shown.size()) shown.erase(digits, 1);
  }
  return shown;
}

fitted_axis linear_axis(double low, double high, int count) {
  if (!(high > low)) {  // one value: room on both sides
    const double room = low == 0 ? 1 : std::fabs(low) / 2;
    low -= room;
    high += room;
  }
  const double wanted = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  const double step = power * (wanted <= power ? 1 : wanted <= 2 * power ? 2 : wanted <= 5 * power ? 5 : 10);
  const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
  fitted_axis axis{first * step, last * step, false, {}};
  for (double i = first; i <= last; ++i) axis.ticks.push_back({i * step, tick_text(i * step)});
  return axis;
}

fitted_axis logarithmic_axis(double low, double high) {
  const double first = std::floor(std::log10(low) + 1e-9);
  const double last = std::max(first + 1, std::ceil(std::log10(high) - 1e-9));
  const double every = std::ceil((last - first) / 4);
  fitted_axis axis{std::pow(10, first), std::pow(10, last), true, {}};
  for (double e = first; e <= last; e += every)
    axis.ticks.push_back({std::pow(10, e), tick_text(std::pow(10, e))});
  return axis;
}

fitted_axis share_axis() { return {0, 1, false, {{0, "0"}, {0.25, ""}, {0.5, ".5"}, {0.75, ""}, {1, "1"}}}; }
