// Deny losses by the name of their mode, for programs that read it from a flag or a file.
//
//   head of C logits    A entropy, A_soft entropy_floor, C margin, C_plus margin_top, AC entropy_and_margin
//   and a reject class  B reject_class, sealed
//   and a reject logit  B_aux reject_head
// deny_of gives any of them as one type (loss/deny/any.hpp). Where the head is a type's, with_deny calls a function with one
// type for each head (loss/deny/runtime.hpp), so that it is compiled four times, "none" being the fourth. Which loss it is, is
// asked once a call, never once a sample.
#pragma once

#include <array>
#include <string_view>
#include <type_traits>

#include "spankey/core/choice.hpp"
#include "spankey/loss/deny/any.hpp"
#include "spankey/loss/deny/blend.hpp"
#include "spankey/loss/deny/entropy.hpp"
#include "spankey/loss/deny/entropy_floor.hpp"
#include "spankey/loss/deny/margin.hpp"
#include "spankey/loss/deny/margin_top.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/reject_head.hpp"
#include "spankey/loss/deny/runtime.hpp"
#include "spankey/loss/deny/sealed.hpp"

namespace spankey {

enum class deny_mode {
  none,
  entropy,
  entropy_floor,
  reject_class,
  reject_head,
  margin,
  margin_top,
  entropy_floor_and_margin,
  sealed
};

/// In the order of deny_mode.
inline constexpr std::array<choice<deny_mode>, 9> deny_mode_names{
    {{"none", deny_mode::none},
     {"A", deny_mode::entropy},
     {"A_soft", deny_mode::entropy_floor},
     {"B", deny_mode::reject_class},
     {"B_aux", deny_mode::reject_head},
     {"C", deny_mode::margin},
     {"C_plus", deny_mode::margin_top},
     {"AC", deny_mode::entropy_floor_and_margin},
     {"sealed", deny_mode::sealed}}};

/// The mode called `name`; fails with loss.101.
inline deny_mode deny_mode_of(std::string_view name) {
  return choose(deny_mode_names, name, "loss.101", "deny mode");
}

/// A mode and its parameters; a mode reads those that its loss has.
struct deny_settings {
  deny_mode mode = deny_mode::none;
  double gap = entropy_floor{}.gap, margin1 = margin_top{}.margin1, margin2 = margin_top{}.margin2,
         seal_weight = sealed{}.weight;
};

/// Calls f with the loss itself; f returns the same type for all of them.
template <class F>
decltype(auto) visit_deny(const deny_settings& s, F&& f) {
  const entropy_floor floor{.gap = s.gap};
  const margin apart{.margin1 = s.margin1};
  switch (s.mode) {
    case deny_mode::entropy:
      return f(entropy{});
    case deny_mode::entropy_floor:
      return f(floor);
    case deny_mode::margin:
      return f(apart);
    case deny_mode::margin_top:
      return f(margin_top{.margin1 = s.margin1, .margin2 = s.margin2});
    case deny_mode::entropy_floor_and_margin:
      return f(entropy_and_margin{.parts = {floor, apart}});
    case deny_mode::reject_class:
      return f(reject_class{});
    case deny_mode::sealed:
      return f(sealed{.weight = s.seal_weight});
    case deny_mode::reject_head:
      return f(reject_head{});
    case deny_mode::none:
      break;
  }
  return f(no_deny{});
}

using deny_of_any_mode = any_deny<no_deny, entropy, entropy_floor, margin, margin_top, entropy_and_margin,
                                  reject_class, sealed, reject_head>;
inline deny_of_any_mode deny_of(const deny_settings& s) {
  return visit_deny(s, [](const auto& loss) { return deny_of_any_mode(loss); });
}

using semantic_deny = runtime_deny<entropy, entropy_floor, margin, margin_top, entropy_and_margin>;
using reject_deny = runtime_deny<reject_class, sealed>;

/// Calls f with a no_deny, a semantic_deny, a reject_deny or a reject_head.
template <class F>
decltype(auto) with_deny(const deny_settings& s, F&& f) {
  return visit_deny(s, [&]<class Loss>(const Loss& loss) -> decltype(auto) {
    if constexpr (std::is_constructible_v<decltype(semantic_deny::chosen), Loss>) {
      return f(semantic_deny{loss});
    } else if constexpr (std::is_constructible_v<decltype(reject_deny::chosen), Loss>) {
      return f(reject_deny{loss});
    } else {
      return f(loss);
    }
  });
}

}  // namespace spankey
