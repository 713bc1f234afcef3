// Shares as horizontal bars from 0 to 1, in groups: an SVG picture 300 units wide and as high as its bars.
//
//   title of the group
//   label      |======|-+-|     o    <>     .7302
//              bar, interval, worst key, published value; the number stands at the right
//
// Narrow on purpose: it is legible at the width of a phone, and wide screens show several side by side.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct share_bar {
  std::string label;
  std::string tip;         // what hovering shows, before the numbers
  std::size_t colour = 0;  // series_mark's numbering
  std::optional<double> value = std::nullopt, low = std::nullopt, high = std::nullopt;
  std::optional<double> worst = std::nullopt, published = std::nullopt;
};

struct bar_group {
  std::string title;  // may be empty
  std::vector<share_bar> bars;
};

/// The picture. `subject` begins its text for those who do not see it.
std::string bar_chart(const std::vector<bar_group>& groups, std::string_view subject);
