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
    index_t batch = 64;  // samples of a step, at most
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

  /// The keys that `count` restarts learn from all of `own`, one behind the other; `first` is the number of the first.
  [[nodiscard]] key_rows learnt_keys(const gate_target& target, const held_samples& own, key_loss loss,
                                     bool keeps_norm, std::uint64_t first, index_t count) const {
    const index_t batch = std::min({own.size(), limits.batch, target.gate.batch()});
    const index_t at_once = target.gate.keys_at_once(batch);
    key_rows all;
    for (index_t done = 0; done < count; done += at_once) {
      const key_rows some =
          learnt_together(target, own, {loss, keeps_norm, batch}, first + static_cast<std::uint64_t>(done),
                          std::min(at_once, count - done));
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

 private:
  struct how {
    key_loss loss;
    bool keeps_norm;
    index_t batch;
  };
  // Gives every site's key of a row a valid key's size.
  static void keep_norm(std::span<float> key, const std::vector<key_part>& parts, double deviation) {
    for (const key_part& part : parts) {
      const std::span<float> of_site =
          key.subspan(static_cast<std::size_t>(part.first), static_cast<std::size_t>(part.size));
      double square = 0;
      for (const float k : of_site) square += static_cast<double>(k) * static_cast<double>(k);
      const double factor = square > 0 ? deviation * std::sqrt(static_cast<double>(part.size) / square) : 1;
      for (float& k : of_site) k *= static_cast<float>(factor);
    }
  }

  // Restarts side by side: a step of each at once.
  [[nodiscard]] key_rows learnt_together(const gate_target& target, const held_samples& own, const how& h,
                                         std::uint64_t first_restart, index_t count) const {
    const auto deviation = static_cast<double>(target.secret->config().key_std);
    const auto d = static_cast<std::size_t>(target.gate.key_size()),
               restarts = static_cast<std::size_t>(count);
    const std::vector<key_part> parts = parts_of(target.gate.sites());
    key_rows keys(restarts * d);
    const auto keep_norms = [&] {
      for (std::size_t r = 0; r < restarts && h.keeps_norm; ++r)
        keep_norm(std::span(keys).subspan(r * d, d), parts, deviation);
    };
    for (std::size_t r = 0; r < restarts; ++r) {
      const random_source drawn(target.seed, stream::key_search,
                                (std::uint64_t{1} << 20) + first_restart + r);
      for (std::size_t i = 0; i < d; ++i)
        keys[r * d + i] = static_cast<float>(0.1 * deviation * drawn.gaussian(i));
    }
    keep_norms();
    key_rows best =
        keys;  // where no loss is a number it is what there is: an empty key would ask without one
    std::vector<float> dk(keys.size());
    std::vector<double> first(keys.size(), 0.0), second(keys.size(), 0.0), losses(restarts),
        least(restarts, std::numeric_limits<double>::infinity());
    key_gradient_of gradient(target.gate, h.loss);
    for (index_t step = 0; step < limits.steps; ++step) {
      // Batch after batch; of few samples all of them are one.
      const index_t at = (step * h.batch) % std::max<index_t>(1, own.size() - h.batch + 1);
      gradient(own, at, h.batch, keys, dk, losses);
      for (std::size_t r = 0; r < restarts; ++r) {
        // Of batches that change from step to step the last key is as good as any.
        if (h.batch == own.size() && !(losses[r] < least[r])) continue;
        least[r] = losses[r];
        std::copy_n(keys.begin() + static_cast<index_t>(r * d), d,
                    best.begin() + static_cast<index_t>(r * d));
      }
      const auto t = static_cast<double>(step + 1);
      const double unbiased = 1 / (1 - std::pow(0.9, t)), unbiased_square = 1 / (1 - std::pow(0.999, t));
      for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto g = static_cast<double>(dk[i]);
        first[i] = 0.9 * first[i] + 0.1 * g, second[i] = 0.999 * second[i] + 0.001 * g * g;
        keys[i] -= static_cast<float>(limits.rate * deviation * first[i] * unbiased /
                                      (std::sqrt(second[i] * unbiased_square) + 1e-12));
      }
      keep_norms();
    }
    return best;
  }

  attack_point point_of(const gate_target& target, const held_samples& own, key_loss loss,
                        bool keeps_norm) const {
    const key_rows found = learnt_keys(target, own, loss, keeps_norm, 0, limits.restarts);
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
