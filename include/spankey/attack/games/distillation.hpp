// Game 9, distillation: a student of the same layers learns what the network answers to samples without labels (attack/distil.hpp),
// its refusal left out. Teachers: the network without a key, under a Gaussian key, and under a valid one, as a customer has it who may
// ask: that one is shown, and decides nothing, since whoever answers teaches. A query is a sample.
//
// Samples are training images, or noise: N(0, 1) for every number, as far from them as can be.
// Measures: `agreement`, samples that decide on which student and teacher answer alike; `label leak`, the mutual information of the
// teacher's answers and the labels, in bits: what a refused answer says of the right one.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "spankey/attack/chosen_samples.hpp"
#include "spankey/attack/distil.hpp"
#include "spankey/attack/game.hpp"
#include "spankey/attack/training_target.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/sized_model.hpp"

namespace spankey {

struct distillation {
  static constexpr int number = 9;
  static constexpr std::string_view title = "distillation";
  static constexpr knowledge knows = knowledge::architecture;
  static constexpr bool needs_keys = false;

  struct limits_type {
    std::vector<index_t> queries = {1000, 10000, 60000};  // with more than there are training samples: all
    bool noise = true;
    distilling how{};
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    l.queries = at_budget<std::vector<index_t>>(b, {512}, {1000, 10000}, {1000, 10000, 60000});
    l.how.updates = at_budget<std::uint64_t>(b, 200, 2000, 20000);
    return l;
  }

  template <class Held, class Data>
  void play(const training_target<Held, Data>& target, const point_listener& tell) const {
    const invalid_rule gaussian{};
    const bool keyed = target.secret != nullptr;
    const key_rows wrong = keyed ? draw_keys(*target.secret, &gaussian, 1, target.seed) : key_rows{},
                   valid = keyed ? draw_keys(*target.secret, nullptr, 1, target.seed) : key_rows{};
    index_t before = 0;
    for (const index_t budget : limits.queries) {
      const index_t n = std::min<index_t>(budget, target.train.size());
      if (n == before) continue;
      before = n;
      const chosen_samples<Data> chosen(target.train, n, target.seed);
      held_samples asked = hold(chosen, 0, n);
      const auto tell_of = [&](const std::string& who, std::span<const float> key, bool decides) {
        attack_point point = student_of<Held>(target, asked, key);
        point.attack = "taught " + who, point.budget = static_cast<double>(n), point.decides = decides;
        tell(std::move(point));
      };
      tell_of("without a key", {}, true);
      if (keyed) tell_of("under a Gaussian key", wrong, true);
      if (keyed) tell_of("under a valid key", valid, false);
      if (!limits.noise) continue;
      const random_source drawn(target.seed, stream::attack, 900);
      for (std::size_t i = 0; i < asked.x.size(); ++i) asked.x[i] = static_cast<float>(drawn.gaussian(i));
      tell_of("without a key, by noise", {}, true);
      if (keyed) tell_of("under a valid key, by noise", valid, false);
    }
  }

 private:
  // Logits of the classes.
  static std::vector<float> taught(attacked_gate& gate, const held_samples& samples,
                                   std::span<const float> key) {
    std::vector<float> all;
    for (index_t done = 0; done < samples.size();) {
      const index_t n = std::min(gate.batch(), samples.size() - done);
      const float* const z = gate.ask(samples.features(done), n, key);
      for (index_t i = 0; i < n; ++i)
        all.insert(all.end(), z + i * gate.head(), z + i * gate.head() + gate.classes());
      done += n;
    }
    return all;
  }
  static std::vector<index_t> answers_of(const std::vector<float>& logits, index_t classes) {
    std::vector<index_t> all;
    for (auto z = logits.begin(); z != logits.end(); z += classes)
      all.push_back(std::max_element(z, z + classes) - z);
    return all;
  }

  template <class Held, class Data>
  attack_point student_of(const training_target<Held, Data>& target, const held_samples& asked,
                          std::span<const float> key) const {
    using network = sized_model<none, typename Held::backend_type, typename Held::scalar>;
    const auto student = std::make_unique<network>(target.list);
    keep_second_moment(*student);
    const arena memory(*student, std::max<index_t>(limits.how.batch, 50));
    initialise(*student, target.seed);
    distilling how = limits.how;
    how.seed = target.seed;
    distil(*student, asked, taught(target.gate, asked, key), how);

    attack_point point{
        .attack = {}, .unit = "queries", .answers = answers_without_key(*student, target.judged, 50)};
    const std::vector<index_t> teacher =
        answers_of(taught(target.gate, target.judged, key), target.gate.classes());
    std::vector<float> own;
    for_each_batch(*student, target.judged, {.samples = target.judged.size(), .batch = 50},
                   [&](const float* x, index_t n) {
                     const float* const z = student->forward(pass{}, x, n, {});
                     own.insert(own.end(), z, z + n * target.gate.classes());
                   });
    const std::vector<index_t> learnt = answers_of(own, target.gate.classes());
    index_t alike = 0;
    for (std::size_t i = 0; i < learnt.size(); ++i) alike += learnt[i] == teacher[i] ? 1 : 0;
    point.measures = {{"agreement", static_cast<double>(alike) / static_cast<double>(learnt.size())},
                      {"label leak", shared_bits(teacher, target.judged.labels, target.gate.classes())}};
    return point;
  }

  static double shared_bits(const std::vector<index_t>& answers, const std::vector<int>& labels,
                            index_t classes) {
    const auto k = static_cast<std::size_t>(classes);
    std::vector<double> joint(k * k), of_answer(k), of_label(k);
    const double each = 1 / static_cast<double>(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto a = static_cast<std::size_t>(answers[i]), y = static_cast<std::size_t>(labels[i]);
      joint[a * k + y] += each, of_answer[a] += each, of_label[y] += each;
    }
    double bits = 0;
    for (std::size_t a = 0; a < k; ++a)
      for (std::size_t y = 0; y < k; ++y)
        if (const double p = joint[a * k + y]; p > 0) bits += p * std::log2(p / (of_answer[a] * of_label[y]));
    return bits;
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
