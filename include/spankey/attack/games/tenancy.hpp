// Game 12, tenancy: what the keys of others do here, and what becomes of keys that should work no more.
//
//   other tenants   keys of key spaces of the same kind with other seeds, as the owners of other networks hold them; what a key was
//                   worth before its network was trained anew with another key space is one of these as well
//   revoked         keys of this space: a network without a list of keys knows no key that was taken back. Shown: revoking one
//                   tenant takes another training
//   claimed         keys of a span that somebody with the weights made of keys that he learnt (game 5): by how right they are he
//                   may say that the network is his. Shown, for game 5 decides on its keys
// Measures of the other tenants: right answers under each one's keys, the row of an unlock matrix that belongs to this network; `own`.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "spankey/attack/game.hpp"
#include "spankey/attack/games/free_key.hpp"

namespace spankey {

struct tenancy {
  static constexpr int number = 12;
  static constexpr std::string_view title = "tenancy";
  static constexpr knowledge knows = knowledge::weights;
  static constexpr bool needs_keys = true;

  struct limits_type {
    index_t tenants = 10;
    index_t labelled = 256, steps = 500, learnt = 8;  // of the claim
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    if (b == attack_budget::quick) l.tenants = 5, l.steps = 100, l.learnt = 3;
    return l;
  }

  void play(const gate_target& target, const point_listener& tell) const {
    const std::span<const site> sites = target.secret->sites();
    attack_point others{.attack = "other tenants",
                        .unit = "tenants",
                        .budget = static_cast<double>(limits.tenants - 1),
                        .answers = {}};
    for (index_t t = 1; t < limits.tenants; ++t) {
      key_space_config config = target.secret->config();
      config.seed = other_space_seed(config.seed + static_cast<std::uint64_t>(t));
      key_space other(config, {sites.begin(), sites.end()});
      const answer_table answers =
          ask_keys(target.gate, target.judged, draw_keys(other, nullptr, target.keys, target.seed));
      others.measures.push_back({"tenant " + std::to_string(t), mean_of(answers.shares(figure::masked))});
      others.answers.append(answers);
    }
    const answer_table own = target.answers_to(nullptr);
    others.measures.push_back({"own", mean_of(own.shares(figure::masked))});
    if (limits.tenants > 1) tell(std::move(others));
    tell({.attack = "revoked",
          .unit = "tenants",
          .budget = 1,
          .judged = figure::semantic,
          .decides = false,
          .answers = own});
    tell({.attack = "claimed",
          .unit = "labelled samples",
          .budget = static_cast<double>(std::min(limits.labelled, target.own.size())),
          .decides = false,
          .answers = ask_keys(target.gate, target.judged, claimed(target)),
          .labelled = std::min(limits.labelled, target.own.size())});
  }

 private:
  // Isotropic keys in the span of learnt ones, of a valid key's size at every site.
  [[nodiscard]] key_rows claimed(const gate_target& target) const {
    free_key learner;
    learner.limits.steps = limits.steps;
    const held_samples own = target.own.first(limits.labelled);
    const index_t size = target.gate.key_size();
    const auto deviation = static_cast<double>(target.secret->config().key_std);
    key_rows made(static_cast<std::size_t>(target.keys * size));
    const key_rows learnt = learner.learnt_keys(target, own, key_loss::labels, true, 1000, limits.learnt);
    const random_source drawn(target.seed, stream::forgery, number);
    for (const key_part& part : parts_of(target.gate.sites())) {
      const index_t rank = std::min(limits.learnt, part.size);
      secret_vector<double> rows(static_cast<std::size_t>(rank * part.size));
      for (index_t i = 0; i < rank; ++i)
        for (index_t j = 0; j < part.size; ++j)
          rows[static_cast<std::size_t>(i * part.size + j)] =
              static_cast<double>(learnt[static_cast<std::size_t>(i * size + part.first + j)]);
      (void)orthonormalise(rows, rank, part.size);
      for (index_t k = 0; k < target.keys; ++k) {
        std::vector<double> weights(static_cast<std::size_t>(rank));
        double square = 0;
        for (std::size_t i = 0; i < weights.size(); ++i) {
          weights[i] = drawn.gaussian(static_cast<std::uint64_t>(part.first) * 64 +
                                      static_cast<std::uint64_t>(k) * weights.size() + i);
          square += weights[i] * weights[i];
        }
        const double scale = deviation * std::sqrt(static_cast<double>(part.size) / square);
        for (index_t j = 0; j < part.size; ++j) {
          double sum = 0;
          for (index_t i = 0; i < rank; ++i)
            sum += weights[static_cast<std::size_t>(i)] * rows[static_cast<std::size_t>(i * part.size + j)];
          made[static_cast<std::size_t>(k * size + part.first + j)] = static_cast<float>(scale * sum);
        }
      }
    }
    return made;
  }
};

static_assert(Game<tenancy>);

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
