// The formulas of key injection that backends have kernels for; a policy of inject/ says in its own header which one it is.
//
//   none       y = x
//   add        y = x + gamma k                                        gamma: a member of the policy
//   multiply   y = x min(max(1 + gamma tanh k, lowest), highest)      gamma, and lowest and highest of its class
//   own        none of these: cpu and reference call the policy's functions, cuda has no kernel for it
#pragma once

#include "spankey/core/dialect.hpp"

namespace spankey {

enum class injection_formula { own, none, add, multiply };

/// The formula of exactly this policy: one that derives from it, with other functions, is on its own.
template <class Injector>
inline constexpr injection_formula formula_of = injection_formula::own;

}  // namespace spankey
