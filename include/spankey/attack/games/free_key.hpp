// Game 5, white box with a free key: who has the weights learns a key by its gradient, with Adam, from few labelled samples, or from
// samples without labels. The key is a number for every element that a valid one has: nothing keeps it in the span.
//
//   labels       CE over the classes + max(0, z_refusal - max z_c)                what is wanted, and to be let in
//   entropy      H of every answer                                                 without labels
//   information  H of every answer - H of the mean answer (SHOT, Liang et al., 2020)
// Keys begin as Gaussian ones of a tenth of a valid key's deviation, where no injector's bounds stop a gradient; `kept norm` gives
// every site's key a valid key's size after each step, `free norm` does not. A row of a point is a restart's key: the one of all its
// steps whose loss on the samples is least.
// Measures: `angle`, the least of any key to the span; `distinct`, keys whose cosine with every one before is below 0.9.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "spankey/attack/game.hpp"
#include "spankey/attack/games/key_measures.hpp"
#include "spankey/attack/key_losses.hpp"

namespace spankey {

struct free_key {
  static constexpr int number = 5;
  static constexpr std::string_view title = "white box, free key";
  static constexpr knowledge knows = knowledge::weights;
  static constexpr bool needs_keys = true;

  struct limits_type {
    std::vector<index_t> labelled = {16, 64, 256, 1024, 4096};  // with more than the attacker has: all
    std::vector<index_t> unlabelled = {256, 1024};
    index_t steps = 500, restarts = 10;
    double rate = 0.05;  // of Adam, in deviations of a valid key
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    l.labelled =
        at_budget<std::vector<index_t>>(b, {16, 256}, {16, 64, 256, 1024, 4096}, {16, 64, 256, 1024, 4096});
    l.unlabelled = at_budget<std::vector<index_t>>(b, {256}, {256, 1024}, {256, 1024, 4096});
    l.steps = at_budget<index_t>(b, 100, 500, 500);
    l.restarts = at_budget<index_t>(b, 2, 5, 10);
    return l;
  }

  void play(const gate_target& target, const point_listener& tell) const {
    const auto each = [&](const std::vector<index_t>& budgets, key_loss loss) {
      index_t before = 0;
      for (const index_t budget : budgets) {
        const index_t n = std::min(budget, target.own.size());
        if (n == before) continue;
        before = n;
        const held_samples own = target.own.first(n);
        for (const bool keeps_norm : {true, false}) tell(point_of(target, own, loss, keeps_norm));
      }
    };
    each(limits.labelled, key_loss::labels);
    each(limits.unlabelled, key_loss::entropy);
    each(limits.unlabelled, key_loss::information);
  }

  /// The key that one restart learns, from all of `own`.
  [[nodiscard]] key_rows learnt_key(const gate_target& target, const held_samples& own, key_loss loss,
                                    bool keeps_norm, std::uint64_t restart) const {
    const auto deviation = static_cast<double>(target.secret->config().key_std);
    const auto d = static_cast<std::size_t>(target.gate.key_size());
    const std::vector<key_part> parts = parts_of(target.gate.sites());
    const random_source drawn(target.seed, stream::key_search, (std::uint64_t{1} << 20) + restart);
    key_rows key(d), best;
    for (std::size_t i = 0; i < d; ++i) key[i] = static_cast<float>(0.1 * deviation * drawn.gaussian(i));
    const auto keep_norm = [&] {
      for (const key_part& part : parts) {
        double square = 0;
        for (index_t j = part.first; j < part.first + part.size; ++j)
          square += std::pow(static_cast<double>(key[static_cast<std::size_t>(j)]), 2);
        const double factor = square > 0 ? deviation * std::sqrt(static_cast<double>(part.size) / square) : 1;
        for (index_t j = part.first; j < part.first + part.size; ++j)
          key[static_cast<std::size_t>(j)] *= static_cast<float>(factor);
      }
    };
    if (keeps_norm) keep_norm();
    best = key;  // where no loss is a number it is what there is: an empty key would ask without one
    const index_t batch = std::min(own.size(), target.gate.batch());
    std::vector<float> dk(d);
    std::vector<double> first(d, 0.0), second(d, 0.0);
    double least = std::numeric_limits<double>::infinity();
    key_gradient_of gradient(target.gate, loss);
    for (index_t step = 0; step < limits.steps; ++step) {
      // Batch after batch; of few samples all of them are one.
      const index_t at = (step * batch) % std::max<index_t>(1, own.size() - batch + 1);
      const double found = gradient(own, at, batch, key, dk);
      // Of batches that change from step to step the last key is as good as any.
      if (batch < own.size() || found < least) least = found, best = key;
      for (std::size_t i = 0; i < d; ++i) {
        const auto g = static_cast<double>(dk[i]);
        first[i] = 0.9 * first[i] + 0.1 * g, second[i] = 0.999 * second[i] + 0.001 * g * g;
        const auto t = static_cast<double>(step + 1);
        const double m = first[i] / (1 - std::pow(0.9, t)), v = second[i] / (1 - std::pow(0.999, t));
        key[i] -= static_cast<float>(limits.rate * deviation * m / (std::sqrt(v) + 1e-12));
      }
      if (keeps_norm) keep_norm();
    }
    return best;
  }

 private:
  attack_point point_of(const gate_target& target, const held_samples& own, key_loss loss,
                        bool keeps_norm) const {
    key_rows found;
    for (index_t r = 0; r < limits.restarts; ++r) {
      const key_rows key = learnt_key(target, own, loss, keeps_norm, static_cast<std::uint64_t>(r));
      found.insert(found.end(), key.begin(), key.end());
    }
    return {.attack = std::string(key_loss_names[static_cast<std::size_t>(loss)]) +
                      (keeps_norm ? ", kept norm" : ", free norm"),
            .unit = loss == key_loss::labels ? "labelled samples" : "samples without labels",
            .budget = static_cast<double>(own.size()),
            .answers = ask_keys(target.gate, target.judged, found),
            .measures = {{"angle", least_angle(*target.secret, found)},
                         {"distinct", static_cast<double>(distinct(found, target.gate.key_size()))}},
            .labelled = loss == key_loss::labels ? own.size() : 0};
  }

  static index_t distinct(const key_rows& keys, index_t size) {
    const auto product = [&](index_t a, index_t b) {
      double sum = 0;
      for (index_t j = 0; j < size; ++j)
        sum += static_cast<double>(keys[static_cast<std::size_t>(a * size + j)]) *
               static_cast<double>(keys[static_cast<std::size_t>(b * size + j)]);
      return sum;
    };
    index_t count = 0;
    for (index_t i = 0; i * size < static_cast<index_t>(keys.size()); ++i) {
      bool is_new = true;
      for (index_t j = 0; j < i; ++j)
        is_new = is_new && product(i, j) < 0.9 * std::sqrt(product(i, i) * product(j, j));
      count += is_new ? 1 : 0;
    }
    return count;
  }
};

static_assert(Game<free_key>);

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
