// What a layer is.
//
// A layer has static input and output shapes and hand-written passes:
//   output view forward(pass, input view)          keeps what backward needs: views of its operands, never
//   copies backward(pass, dy, dx)                         dx overwritten unless said otherwise; parameter
//   gradients +=
// and lists what it owns by name, for the arena, the optimizer and files:
//   for_each_parameter(f, scope)   f(scope, parameter&)
//   for_each_state(f, scope)       f(scope, state&)
//   for_each_buffer(f, scope, samples)   f(scope, buffer&, count, lifetime)
// Layers know nothing of keys (inject/gated.hpp does) and nothing of threads (the backend does).
#pragma once

#include "spankey/backend/backend.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/core/view.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

/// Groups of one stacked batch: valid keys, invalid keys, no key.
inline constexpr std::size_t max_groups = 3;

/// One trip through a model. The batch is `groups` equal parts; training passes use batch statistics.
struct pass {
  index_t groups = 1;
  bool training = false;
};

template <class L>
concept Layer = requires {
  typename L::input;
  typename L::output;
};

}  // namespace spankey
