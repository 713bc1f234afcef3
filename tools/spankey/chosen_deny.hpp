// The deny loss that a run names: one type for all of them, so that training is compiled once.
#pragma once

#include "run_options.hpp"
#include "spankey/loss/deny/mode.hpp"

using chosen_deny = spankey::deny_of_any_mode;

inline chosen_deny deny_of(const run_options& o) {
  return spankey::deny_of({.mode = spankey::deny_mode_of(o.deny),
                           .gap = o.gap,
                           .margin1 = o.margin1,
                           .margin2 = o.margin2,
                           .seal_weight = o.seal_weight});
}
