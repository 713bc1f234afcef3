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

#include <concepts>

#include "spankey/backend/backend.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/view.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

/// Groups of one stacked batch: valid keys, invalid keys, no key.
inline constexpr std::size_t max_groups = 3;

/// What a batch norm normalises a stacked training batch with.
enum class batch_statistics {
  per_group,  // every group with its own, as if it passed alone; the running ones take up one after the other
  joint       // all groups with those of the whole batch: as in evaluation, which has one set for every key
};

/// One trip through a model. The batch is `groups` equal parts; training passes use batch statistics. While the pass is
/// `shared`, all groups are the same samples and layers see them once; the first site that gives groups different
/// keys makes it a stacked one (inject/gated.hpp).
struct pass {
  index_t groups = 1;
  bool training = false;
  bool shared = false;
  batch_statistics statistics = batch_statistics::per_group;
  /// Parts that a layer has to tell apart.
  [[nodiscard]] constexpr index_t parts() const { return shared ? 1 : groups; }
};

/// Backward reads what forward of the same samples left. Fails with layer.104 where that was not the last pass.
template <class T, class Shape>
void require_forward(const batch_view<const T, Shape>& seen, index_t samples) {
  if (seen.data() == nullptr || seen.samples() != samples)
    fail("layer.104", "backward", "found ", samples, " samples after a forward pass of ", seen.samples(),
         ", expected the same");
}

/// A layer of scalar T that stands in a model by itself (blocks are made of layers, key sites take keys too).
template <class L, class T>
concept Layer = requires(L& layer, const pass& p, batch_view<const T, typename L::input> x,
                         memory_plan& plan) {
  { layer.forward(p, x) } -> std::same_as<batch_view<const T, typename L::output>>;
  layer.for_each_buffer(plan, scope{}, index_t{1});
};

}  // namespace spankey
