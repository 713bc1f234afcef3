// The beginning of a network with a head of its own: what can be trained, or asked, before the rest of the network is of use.
//
//   entries up to the one that is named, then the mean over the image and a head
// Of a block that the cut is inside of, only the path that leads there is left, and nothing is added to it: a norm that would add
// the other path has its activation all the same. Names stay, so that weights and statistics can be taken over; the mean is
// named HEAD_mean.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <cstddef>
#include <string_view>

#include "spankey/model/layer_list.hpp"

namespace spankey {

/// `entry`: a position in the list before its head. Errors: those of a list, as HEAD being a name that the list has.
constexpr layer_list cut_behind(const layer_list& list, std::size_t entry, std::string_view head) {
  layer_list made(list.name(), list.input());
  made.fault_ = list.fault_, made.fault_at_ = list.fault_at_;
  // What is left out: the beginnings of blocks that are open at the cut, and where that is on a skip path the path beside it.
  std::array<bool, layer_list::most_layers> left_out{};
  std::array<std::size_t, layer_list::most_layers> place{};
  for (std::size_t i = 0; i <= entry; ++i) {
    if (list[i].kind != layer_kind::residual || list[i].join <= entry) continue;
    left_out[i] = true;
    for (std::size_t j = i; list[i].skip <= entry && j <= list[i].skip; ++j) left_out[j] = true;
  }
  for (std::size_t i = 0, next = 0; i <= entry; ++i) place[i] = left_out[i] ? next : next++;
  for (std::size_t i = 0; i <= entry; ++i) {
    if (left_out[i]) continue;
    layer_description d = list[i];
    if (d.kind == layer_kind::residual) d.skip = place[d.skip], d.join = place[d.join];
    if (d.kind == layer_kind::join) d.begin = place[d.begin], d.skip = place[d.skip], d.sum = place[d.sum];
    if (d.takes_sum) {  // the end of F, right before the block's end or its skip path
      bool whole = false;
      for (std::size_t j = i; j <= entry; ++j)
        whole = whole || (list[j].kind == layer_kind::join && list[j].sum == i);
      d.takes_sum = whole;
    }
    if (d.kind == layer_kind::site) {
      made.sites_[made.site_count_] = list.sites_[static_cast<std::size_t>(d.site)];
      d.site = static_cast<int>(made.site_count_++);
    }
    made.layers_[made.count_++] = d;
    made.now_ = d.out;
  }
  layer_name mean(head);
  if (!mean.append("_mean")) made.fault(list_fault::name);
  if (made.now_.height * made.now_.width > 1) made.mean_pool2d(mean.view());
  made.head(head, list.outputs_);
  return made;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
