// Game 10, compression and noise: what somebody does to a network who wants it smaller, or is careless, must not open it. Weights are
// pruned, turned, disturbed, rounded, and the running statistics taken anew, one change at a time; after each the network is asked
// with valid keys, without a key and with Gaussian ones.
//
//   prune        the smallest share of |w| becomes 0, over all matrices, or `by layer` over each
//   signs        a share of the matrices' numbers changes its sign
//   noise        w + level * deviation of its tensor * N(0, 1)
//   bf16, int8   rounded; int8 with a scale an output; int4 with one for 32 numbers of an output
//   statistics   of batch norms, of samples without a key
// A change decides while valid keys keep 0.9 of what they had: what opens a network by breaking it opens nothing.
// Measures: `valid`, right answers under valid keys after the change.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "spankey/attack/game.hpp"
#include "spankey/core/bf16.hpp"

namespace spankey {

struct compression {
  static constexpr int number = 10;
  static constexpr std::string_view title = "compression, noise";
  static constexpr knowledge knows = knowledge::weights;
  static constexpr bool needs_keys = false;

  struct limits_type {
    std::vector<double> pruned = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
    std::vector<double> turned = {0.01, 0.03, 0.1, 0.3};
    std::vector<double> noise = {1e-3, 1e-2, 0.03, 0.1, 0.3, 1};
    index_t recalibrated = 1000;  // samples; at most the attacker's
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    if (b == attack_budget::quick) l.pruned = {0.3, 0.6, 0.9}, l.turned = {0.03}, l.noise = {0.1, 0.3};
    return l;
  }

  void play(const gate_target& target, const point_listener& tell) const {
    // Of a network without keys nothing says when it is broken: every change decides.
    const auto right_under_valid_keys = [&] {
      return target.secret == nullptr ? 1.0 : mean_of(target.answers_to(nullptr).shares(figure::semantic));
    };
    const double open = right_under_valid_keys();
    std::vector<std::vector<float>> kept;
    target.gate.change_weights(
        [&](const weight_tensor& w) { kept.emplace_back(w.values.begin(), w.values.end()); });
    const auto restore = [&] {
      std::size_t next = 0;
      target.gate.change_weights([&](const weight_tensor& w) {
        std::copy(kept[next].begin(), kept[next].end(), w.values.begin());
        ++next;
      });
    };
    const auto after = [&](const std::string& change, const std::string& unit, double level,
                           const std::function<void()>& make) {
      make();
      const double valid = right_under_valid_keys();
      const invalid_rule gaussian{};
      const auto tell_of = [&](const std::string& who, answer_table answers) {
        tell({.attack = change + ", " + who,
              .unit = unit,
              .budget = level,
              .decides = valid > 0.9 * open,
              .answers = std::move(answers),
              .measures = {{"valid", valid}}});
      };
      tell_of("no key", ask_keys(target.gate, target.judged, {}));
      if (target.secret != nullptr) tell_of("Gaussian keys", target.answers_to(&gaussian));
      restore();
    };
    const auto matrices = [&](auto&& f) {
      return [&target, f] {
        std::uint64_t tensor = 0;
        target.gate.change_weights([&](const weight_tensor& w) {
          if (w.what == weight_tensor::kind::matrix)
            f(w, random_source(target.seed, stream::forgery, 64 + tensor));
          ++tensor;
        });
      };
    };
    for (const double share : limits.pruned) {
      after("prune", "share", share, [&] { prune_all(target.gate, share); });
      after("prune by layer", "share", share, matrices([share](const weight_tensor& w, const random_source&) {
              prune(w, bound_of({w.values.begin(), w.values.end()}, share));
            }));
    }
    for (const double share : limits.turned)
      after("signs", "share", share, matrices([share](const weight_tensor& w, const random_source& drawn) {
              for (std::size_t i = 0; i < w.values.size(); ++i)
                if (drawn.uniform(i) < share) w.values[i] = -w.values[i];
            }));
    for (const double level : limits.noise)
      after("noise", "deviations", level,
            matrices([level](const weight_tensor& w, const random_source& drawn) {
              const double deviation = deviation_of(w.values);
              for (std::size_t i = 0; i < w.values.size(); ++i)
                w.values[i] += static_cast<float>(level * deviation * drawn.gaussian(i));
            }));
    after("bf16", "bits", 16, matrices([](const weight_tensor& w, const random_source&) {
            for (float& x : w.values) x = static_cast<float>(bf16(x));
          }));
    after("int8", "bits", 8, matrices([](const weight_tensor& w, const random_source&) {
            round_to(w, 127, static_cast<index_t>(w.values.size()) / w.outputs);
          }));
    after("int4", "bits", 4,
          matrices([](const weight_tensor& w, const random_source&) { round_to(w, 7, 32); }));
    const held_samples seen = target.own.first(limits.recalibrated);
    after("statistics", "samples", static_cast<double>(seen.size()), [&] { target.gate.recalibrate(seen); });
  }

 private:
  // |w| below which a share of the numbers lies.
  static float bound_of(std::vector<float> numbers, double share) {
    const auto count = static_cast<std::size_t>(share * static_cast<double>(numbers.size()));
    for (float& x : numbers) x = std::abs(x);
    if (count >= numbers.size()) return std::numeric_limits<float>::infinity();
    const auto at = numbers.begin() + static_cast<std::ptrdiff_t>(count);
    std::nth_element(numbers.begin(), at, numbers.end());
    return *at;
  }
  static void prune(const weight_tensor& w, float bound) {
    for (float& x : w.values)
      if (std::abs(x) < bound) x = 0;
  }
  static void prune_all(attacked_gate& gate, double share) {
    std::vector<float> all;
    gate.change_weights([&](const weight_tensor& w) {
      if (w.what == weight_tensor::kind::matrix) all.insert(all.end(), w.values.begin(), w.values.end());
    });
    const float bound = bound_of(std::move(all), share);
    gate.change_weights([&](const weight_tensor& w) {
      if (w.what == weight_tensor::kind::matrix) prune(w, bound);
    });
  }
  static double deviation_of(std::span<const float> numbers) {
    double sum = 0, squares = 0;
    for (const float x : numbers) sum += static_cast<double>(x);
    const double mean = sum / static_cast<double>(numbers.size());
    for (const float x : numbers) squares += std::pow(static_cast<double>(x) - mean, 2);
    return std::sqrt(squares / static_cast<double>(numbers.size()));
  }
  // Every `together` numbers of an output get max |w| / most as their step.
  static void round_to(const weight_tensor& w, double most, index_t together) {
    const index_t inputs = static_cast<index_t>(w.values.size()) / w.outputs;
    for (index_t o = 0; o < w.outputs; ++o)
      for (index_t first = 0; first < inputs; first += together) {
        const index_t end = std::min(inputs, first + together);
        const auto at = [&](index_t i) -> float& {
          return w.values[static_cast<std::size_t>(i * w.outputs + o)];
        };
        double largest = 0;
        for (index_t i = first; i < end; ++i)
          largest = std::max(largest, std::abs(static_cast<double>(at(i))));
        if (largest == 0) continue;
        const double step = largest / most;
        for (index_t i = first; i < end; ++i)
          at(i) = static_cast<float>(step * std::nearbyint(static_cast<double>(at(i)) / step));
      }
  }
};

static_assert(Game<compression>);

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
