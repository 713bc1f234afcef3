// An attack of your own: a struct with a number, a title, what is taken as known, limits, and play(). This one mixes a leaked key with
// noise, more of it at every budget. It is proven first: against a gate that was trained not to care, it has to win.
//
// A game gets a target (attack/game.hpp): the gate to ask, the samples that decide, the attacker's own, and the key space, of which
// an attacker takes what he says that he knows. It tells a point for every budget of every attack; gains, intervals and the verdict
// follow from those (attack/judged_game.hpp).
#include <cstdio>
#include <memory>

#include "spankey/attack/attacked_network.hpp"
#include "spankey/attack/judged_game.hpp"
#include "spankey/train.hpp"

using namespace spankey;

struct noisy_leak {
  static constexpr int number = 100;  // beyond those of docs/attacks.md
  static constexpr std::string_view title = "a leaked key and noise";
  static constexpr knowledge knows = knowledge::architecture;
  static constexpr bool needs_keys = true;
  struct limits_type {
    std::vector<double> noise = {0.25, 1, 4};  // times the leaked key's deviation
  } limits;
  static limits_type limits_at(attack_budget) { return {}; }

  void play(const gate_target& target, const point_listener& tell) const {
    const key_rows leaked = draw_keys(*target.secret, nullptr, 1, target.seed);
    const invalid_rule gaussian{};
    for (const double share : limits.noise) {
      key_rows keys = draw_keys(*target.secret, &gaussian, target.keys, target.seed);
      for (std::size_t i = 0; i < keys.size(); ++i)
        keys[i] = leaked[i % leaked.size()] + static_cast<float>(share) * keys[i];
      tell({.attack = "leaked key and noise",
            .unit = "times the key's deviation",
            .budget = share,
            .judged = figure::semantic,
            .answers = ask_keys(target.gate, target.judged, keys)});
    }
  }
};
static_assert(Game<noisy_leak>);

using network =
    small_cnn<sealed::outputs(glyph_classes), gate<multiplicative, at<1, 2>>, backend::cpu, float>;

/// What the attack comes to against a network that is trained for a few seconds, with a deny loss of this weight.
judged_game attacked(double deny_weight) {
  const image_dataset train = make_glyphs(3000, 1, split::train, extents_of<network::input>);
  const image_dataset test = make_glyphs(300, 1, split::test, extents_of<network::input>);
  key_space keys(
      {.subspace_dim = 8, .spread = 0.1, .rescale = rescale_kind::per_key, .per_site_key = true, .seed = 7},
      sites_of<network>(at<1, 2>::numbers));
  const objective<sealed> goal{.classes = glyph_classes, .weight = deny_weight, .on = deny_on::wrong};
  auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = deny_weight > 0 ? 2.0F : 1e-4F});
  keep_second_moment(*model);
  const arena memory(*model, goal.groups() * 50);
  initialise(*model, 1);
  silent_observer observer;
  trainer(*model, goal, &keys, train,
          {.epochs = 4, .batch = 50, .rate = {.learning_rate = 0.003}, .adam = adam_options{}})
      .run(observer);

  const held_samples judged = hold(test, 0, test.size()), own = hold(train, 0, 64);
  attacked_network gate(*model, &keys, glyph_classes, 50);
  const gate_target target{gate, &keys, judged, own, 20};
  const std::vector<played_game> seeds = {play(noisy_leak{}, target, [](const played_point&) {})};
  const std::vector<seed_terms> terms = {{utility_of(target.answers_to(nullptr), figure::semantic), nullptr}};
  const judged_game found = judge_game(seeds, terms, 1.0 / glyph_classes, 1);
  for (const judged_point& p : found.points)
    std::printf("  noise %4.2f: gain %5.2f (%5.2f to %5.2f)\n", p.budget, p.gain.gain, p.gain.low,
                p.gain.high);
  return found;
}

int main() {
  std::printf("a gate that does nothing:\n");
  const judged_game broken = attacked(0);
  std::printf("a sealed gate:\n");
  const judged_game gate = attacked(1);
  return broken.points.back().gain.low > 0.5 && gate.points.back().gain.high < 0.5 ? 0 : 1;
}
