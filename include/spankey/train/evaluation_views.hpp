// Copies of a test image whose logits are averaged, where an evaluation is asked for them: the image, its mirror image, and
// both moved by one pixel up and left, and down and right (what comes in reflects the edge). As often as the CIFAR-10 records
// count them: half of the weight is the unmoved copies'. A figure with copies is another than one without: both are said.
#pragma once

#include <array>
#include <span>

#include "spankey/core/choice.hpp"
#include "spankey/data/augment.hpp"

namespace spankey {

enum class evaluation_views { one, mirrored, mirrored_and_shifted };

inline constexpr std::array<choice<evaluation_views>, 3> view_names{
    {{"one", evaluation_views::one},
     {"mirrored", evaluation_views::mirrored},
     {"mirrored+shifted", evaluation_views::mirrored_and_shifted}}};

struct weighted_view {
  image_placement place;
  float weight;
};

/// Their weights add up to 1; the first is the image as it is.
inline std::span<const weighted_view> views_of(evaluation_views which) {
  constexpr auto placed = [](index_t by, bool flip) {
    return image_placement{.shift_y = by, .shift_x = by, .flip = flip, .reflect = true};
  };
  static constexpr std::array<weighted_view, 1> one{{{{}, 1}}};
  static constexpr std::array<weighted_view, 2> mirrored{{{{}, 0.5F}, {placed(0, true), 0.5F}}};
  static constexpr std::array<weighted_view, 6> shifted{{{{}, 0.25F},
                                                         {placed(0, true), 0.25F},
                                                         {placed(-1, false), 0.125F},
                                                         {placed(-1, true), 0.125F},
                                                         {placed(1, false), 0.125F},
                                                         {placed(1, true), 0.125F}}};
  switch (which) {
    case evaluation_views::mirrored:
      return mirrored;
    case evaluation_views::mirrored_and_shifted:
      return shifted;
    case evaluation_views::one:
      break;
  }
  return one;
}

}  // namespace spankey
