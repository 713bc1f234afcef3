// Game 1, reject stripping: who is refused asks the classes alone, and what a few labelled samples can make of the answers, or of what
// stands before the head.
//
//   classes alone        arg-max over the classes                                  no labels
//   standardised         after standardising every class over the samples            no labels
//   logits, probe        a linear map of all logits, fitted to labelled samples (attack/probe.hpp)
//   features, probe      the same of the features before the head; `deep probe` with a hidden layer of 64
// Without a key, and under Gaussian keys, each with a probe of its own. Of the ridges the one counts that does best on the samples
// that decide. A gate whose masked accuracy is chance may still tell everything to a probe: that is what this game is for.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "spankey/attack/game.hpp"
#include "spankey/attack/probe.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey {

struct reject_stripping {
  static constexpr int number = 1;
  static constexpr std::string_view title = "reject stripping";
  static constexpr knowledge knows = knowledge::weights;
  static constexpr bool needs_keys = false;

  struct limits_type {
    std::vector<index_t> labelled = {64, 1024, 4096};  // with more than the attacker has: all
    std::vector<double> ridges = {0, 1e-3, 1e-1};
    index_t keys = 3;  // Gaussian ones that probes are fitted under
    index_t hidden = 64;
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    if (b == attack_budget::quick) l.labelled = {64, 512}, l.ridges = {1e-3}, l.keys = 2;
    return l;
  }

  void play(const gate_target& target, const point_listener& tell) const {
    const auto strip = [&](const std::string& who, std::span<const float> keys) {
      const answer_table answers = ask_keys(target.gate, target.judged, keys);
      tell({.attack = "classes alone, " + who, .unit = "labelled samples", .answers = answers});
      tell({.attack = "standardised, " + who,
            .unit = "labelled samples",
            .judged = figure::calibrated,
            .answers = answers});
    };
    strip("no key", {});
    if (target.secret == nullptr) return fit(target, tell, "no key", {{}});
    const invalid_rule gaussian{};
    const key_rows many = draw_keys(*target.secret, &gaussian, target.keys, target.seed);
    strip("Gaussian keys", many);
    fit(target, tell, "no key", {{}});
    const auto size = static_cast<std::size_t>(target.gate.key_size());
    const std::size_t rows = std::min(many.size() / size, static_cast<std::size_t>(limits.keys));
    std::vector<std::span<const float>> few;
    for (std::size_t r = 0; r < rows; ++r)
      few.push_back(std::span<const float>(many).subspan(r * size, size));
    fit(target, tell, "Gaussian keys", few);
  }

 private:
  // What a network shows of samples under one key.
  struct shown {
    std::vector<float> logits, features;
  };
  static shown ask(attacked_gate& gate, const held_samples& samples, std::span<const float> key) {
    shown all;
    for (index_t done = 0; done < samples.size();) {
      const index_t n = std::min(gate.batch(), samples.size() - done);
      const float* const z = gate.ask(samples.features(done), n, key);
      all.logits.insert(all.logits.end(), z, z + n * gate.head());
      const std::span<const float> before = gate.features_of_last(n);
      all.features.insert(all.features.end(), before.begin(), before.end());
      done += n;
    }
    return all;
  }

  void fit(const gate_target& target, const point_listener& tell, const std::string& who,
           const std::vector<std::span<const float>>& keys) const {
    std::vector<shown> of_own, of_judged;
    for (const auto& key : keys) {
      of_own.push_back(ask(target.gate, target.own, key));
      of_judged.push_back(ask(target.gate, target.judged, key));
    }
    index_t before = 0;
    for (const index_t budget : limits.labelled) {
      const index_t n = std::min(budget, target.own.size());
      if (n == before) continue;
      before = n;
      const auto tell_of = [&](const std::string& what, auto numbers, index_t hidden) {
        // A row of hits for every ridge and key, all at once: each has a probe of its own.
        std::vector<std::vector<std::uint8_t>> rows(limits.ridges.size() * keys.size());
        parallel_for(static_cast<index_t>(rows.size()), [&](index_t task) {
          const auto at = static_cast<std::size_t>(task), k = at % keys.size();
          rows[at] = hits_of_probe(
              target, of_own[k].*numbers, of_judged[k].*numbers, n,
              {.hidden = hidden, .ridge = limits.ridges[at / keys.size()], .seed = target.seed});
        });
        answer_table best;
        for (std::size_t ridge = 0; ridge < limits.ridges.size(); ++ridge) {
          answer_table found{target.judged.size(), {}};
          for (std::size_t k = 0; k < keys.size(); ++k) {
            const auto& row = rows[ridge * keys.size() + k];
            found.hits.insert(found.hits.end(), row.begin(), row.end());
          }
          if (best.columns == 0 ||
              mean_of(found.shares(figure::masked)) > mean_of(best.shares(figure::masked)))
            best = std::move(found);
        }
        tell({.attack = what + ", " + who,
              .unit = "labelled samples",
              .budget = static_cast<double>(n),
              .answers = std::move(best),
              .labelled = n});
      };
      tell_of("logits, probe", &shown::logits, 0);
      if (of_own.front().features.empty()) continue;
      tell_of("features, probe", &shown::features, 0);
      tell_of("features, deep probe", &shown::features, limits.hidden);
    }
  }

  static std::vector<std::uint8_t> hits_of_probe(const gate_target& target, const std::vector<float>& own,
                                                 const std::vector<float>& judged, index_t n,
                                                 const probe_options& options) {
    const std::size_t width = own.size() / target.own.labels.size();
    const std::span<const float> numbers(own.data(), static_cast<std::size_t>(n) * width);
    const std::span<const int> labels(target.own.labels.data(), static_cast<std::size_t>(n));
    probe fitted(numbers, static_cast<index_t>(width), labels, target.gate.classes(), options);
    constexpr auto all = static_cast<std::uint8_t>(hit_bit(figure::semantic) | hit_bit(figure::masked) |
                                                   hit_bit(figure::calibrated));
    std::vector<std::uint8_t> hits;
    const std::vector<int> answers = fitted.answers(judged);
    for (index_t i = 0; i < target.judged.size(); ++i)
      hits.push_back(answers[static_cast<std::size_t>(i)] == target.judged.label(i) ? all : std::uint8_t{0});
    return hits;
  }
};

static_assert(Game<reject_stripping>);

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
