// A game: what an attacker knows and may do, and what comes of it. Its points are told one by one, each a budget of one attack.
//
//   G::number, G::title     as docs/attacks.md lists them
//   G::knows                what is taken as known of the network
//   G::needs_keys           whether it is played against networks that take keys alone, and not against locked ones
//   limits, limits_at(b)    what it may spend: a struct of its own, and how much that is at a budget
//   play(target, tell)      tell(point) for every budget of every attack; the same target and limits, the same points
// Whoever judges has the key space, and the samples that decide; attackers have samples of their own. An attack of one's own is a
// struct with these members (examples/11_attack_of_your_own.cpp).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/attack/answer_table.hpp"
#include "spankey/attack/attacked_gate.hpp"
#include "spankey/attack/held_samples.hpp"
#include "spankey/core/choice.hpp"

namespace spankey {

/// How much is spent: quick for a look (three minutes for small_cnn on two cores), standard for a table (an hour a gate), and what the field
/// spends, whatever that takes.
enum class attack_budget : unsigned char { quick, standard, full };
inline constexpr std::array<choice<attack_budget>, 3> attack_budget_names{
    {{"quick", attack_budget::quick}, {"standard", attack_budget::standard}, {"long", attack_budget::full}}};

/// One of three, by budget.
template <class T>
[[nodiscard]] constexpr T at_budget(attack_budget budget, T quick, T standard, T full) {
  return budget == attack_budget::quick ? quick : budget == attack_budget::standard ? standard : full;
}

/// Keys of every condition, samples that decide, and labelled samples that the attacker has at hand for his queries.
struct attack_sizes {
  index_t keys, judged, own;

  [[nodiscard]] static constexpr attack_sizes at(attack_budget b) {
    return {at_budget<index_t>(b, 20, 100, 100), at_budget<index_t>(b, 200, 1000, 2000),
            at_budget<index_t>(b, 512, 4096, 4096)};
  }
};

/// Each knows what those before it know.
enum class knowledge : unsigned char { nothing, architecture, weights, weights_and_basis };

/// What an attacker sees of an answer: logits, probabilities in fp32 of all outputs, or the answer alone.
enum class channel : unsigned char { logits, probabilities, labels };

/// What an attacker can use: who sees scores ignores the refusal, who sees labels is refused.
[[nodiscard]] constexpr figure judged_by(channel seen) {
  return seen == channel::labels ? figure::semantic : figure::masked;
}

/// A number that a game found beside its answers, as an angle in degrees, or an area under a curve.
struct measure {
  std::string name;
  double value = 0;
};

/// One budget of one attack.
struct attack_point {
  std::string attack, unit;  // what it did, and what `budget` counts
  double budget = 0;
  figure judged = figure::masked;
  bool decides = true;   // a point that does not is shown, and is no attack that the gate promises to stand
  answer_table answers;  // of the samples that decide
  std::vector<measure> measures{};
  index_t labelled =
      0;  // samples with labels that it took to train: a network from scratch may have them, too
};

using point_listener = std::function<void(attack_point)>;

/// What is attacked, and what decides.
struct gate_target {
  attacked_gate& gate;
  key_space*
      secret;  // the judge's; an attacker sees what a game says that he does. Null: the network takes no keys
  const held_samples& judged;  // decide
  const held_samples& own;     // the attacker's, with labels
  index_t keys = 100;          // of every condition
  std::uint64_t seed = 0;

  /// Of all answers under the keys of a rule, or under valid ones. There is a key space.
  [[nodiscard]] answer_table answers_to(const invalid_rule* rule) const {
    return ask_keys(gate, judged, draw_keys(*secret, rule, keys, seed));
  }
};

template <class G, class Target = gate_target>
concept Game = requires(const G& game, const Target& target, const point_listener& tell) {
  { G::number } -> std::convertible_to<int>;
  { G::title } -> std::convertible_to<std::string_view>;
  { G::knows } -> std::convertible_to<knowledge>;
  { G::needs_keys } -> std::convertible_to<bool>;
  { G::limits_at(attack_budget::quick) } -> std::convertible_to<decltype(game.limits)>;
  game.play(target, tell);
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
