// The four games that any release scheme can be put through (definitions after 2506.19874), as an advantage with an interval:
//
//   PE  parameter extraction   Pr[share of protected entries within 1 % >= 1 - eta], less the same without the release
//   FE  functional extraction  Pr[KL(network || P) <= kappa], P of the network's own architecture, so at its cost; less without
//   RI  indistinguishability   |Pr[b' = b] - 1/2|: the attacker names two networks of equal utility, and gets one's release
//   FT  modification           U(release, n samples) - max(U(Infer as an oracle, n), U(scratch, n)), U right answers of another task
// RI's pair are a network and itself with its MLPs' neurons in another order: equal in every answer. Of FE's attackers the best one
// counts: who takes what is extracted as it is, who fine-tunes it on public text, all of it or adapters beside its maps (LoRA), and
// who teaches it the answers that Infer gives to that text. Intervals of 95 %: Newcombe's of PE and FE, Wilson's of RI, of FT a bootstrap
// over the seeds.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/attack/distil.hpp"
#include "spankey/attack/release_advantage.hpp"
#include "spankey/attack/release_world.hpp"
#include "spankey/model/adapters.hpp"
#include "spankey/train/metrics.hpp"

namespace spankey {

namespace release_play {

// Of two shares of wins in n trials each: Newcombe's interval (1998), from the Wilson interval of either.
inline void set_difference(release_advantage& a, double with, double without, index_t n) {
  const interval won = wilson(with, static_cast<double>(n)), lost = wilson(without, static_cast<double>(n));
  a.with = with, a.without = without, a.trials = n, a.advantage = with - without;
  a.low = a.advantage - std::hypot(with - won.low, lost.high - without);
  a.high = a.advantage + std::hypot(won.high - with, without - lost.low);
}

// 95 % interval of a mean over seeds, drawn with replacement.
inline interval bootstrap_of_mean(const std::vector<double>& values, std::uint64_t seed,
                                  index_t draws = 1000) {
  std::vector<double> means;
  for (index_t draw = 0; draw < draws; ++draw) {
    const random_source random(seed, stream::bootstrap, static_cast<std::uint64_t>(draw));
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      sum += values[random.below(i, static_cast<std::uint32_t>(values.size()))];
    means.push_back(sum / static_cast<double>(values.size()));
  }
  return {quantile(means, 0.025), quantile(means, 0.975)};
}

// The network's MLPs with their neurons in another order; ranges go with them.
template <class Backend>
std::vector<neuron_ranges> reorder_neurons(const release_world<Backend>& world,
                                           released_model<Backend>& model) {
  copy_model(model, world.network);
  std::vector<neuron_ranges> ranges;
  const auto places = world.owner().places();
  for (std::size_t i = 0; i < places.size(); ++i) {
    const mlp_weights w = mlp_of(world.network, places[i]);
    std::vector<index_t> order;
    for (index_t j = w.hidden; j > 0; --j) order.push_back(j - 1);
    mlp_weights turned = w.only(order);
    turned.down_bias = w.down_bias;
    write_mlp(model, places[i], turned);
    ranges.push_back(world.ranges[i]);
    std::reverse(ranges.back().least.begin(), ranges.back().least.end());
    std::reverse(ranges.back().most.begin(), ranges.back().most.end());
  }
  return ranges;
}

// What signs and rotations leave of a release: lengths of rows and columns of matrices, sizes of the numbers of vectors.
inline std::vector<double> traits_of(const weight_release& r) {
  std::vector<double> all;
  const auto add = [&](const std::vector<float>& values, std::size_t columns) {
    if (columns <= 1 || values.size() <= columns) {
      for (const float x : values) all.push_back(std::abs(static_cast<double>(x)));
      return;
    }
    std::vector<double> rows(values.size() / columns), sums(columns);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double square = static_cast<double>(values[i]) * static_cast<double>(values[i]);
      rows[i / columns] += square, sums[i % columns] += square;
    }
    for (const auto* lengths : {&rows, &sums})
      for (const double x : *lengths) all.push_back(std::sqrt(x));
  };
  for (const auto& [name, t] : r.tensors)
    add(t.values, t.shape.size() < 2 ? 1 : static_cast<std::size_t>(t.shape.back()));
  for (const auto& [name, m] : r.mlps) {
    const auto in = static_cast<std::size_t>(m.inputs), out = static_cast<std::size_t>(m.outputs);
    add(m.first, in), add(m.up, in), add(m.point, 1), add(m.coefficients, out);
    add(m.rest.first, in), add(m.rest.down, out);
  }
  return all;
}
inline double distance(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return 1e300;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

}  // namespace release_play

template <class Backend, class Scheme>
release_advantage play_extraction(const release_world<Backend>& world, const Scheme& scheme) {
  release_advantage found{.scheme = std::string(Scheme::name), .game = "PE"};
  attacker_network<Backend> attacker(world.list, 1);
  index_t with = 0, without = 0;
  for (index_t t = 0; t < world.limits.trials; ++t) {
    const auto coins = static_cast<std::uint64_t>(t);
    const weight_release r = scheme.release(world.owner(), world.ranges, coins);
    (void)extract_network(attacker.model(), world.list, r);
    const double share = recovered_share(world.owner(), r, attacker.model());
    with += share >= 1 - world.limits.eta ? 1 : 0;
    found.found += share / static_cast<double>(world.limits.trials);
    attacker.begin(1000 + coins);
    without += recovered_share(world.owner(), r, attacker.model()) >= 1 - world.limits.eta ? 1 : 0;
  }
  const auto n = static_cast<double>(world.limits.trials);
  release_play::set_difference(found, static_cast<double>(with) / n, static_cast<double>(without) / n,
                               world.limits.trials);
  return found;
}

template <class Backend, class Scheme>
release_advantage play_function(const release_world<Backend>& world, const Scheme& scheme,
                                release_floors<Backend>& floors) {
  release_advantage found{.scheme = std::string(Scheme::name), .game = "FE"};
  attacker_network<Backend> own(world.list, 1), taken(world.list, 1), trained(world.list, world.limits.batch),
      adapted(with_adapters(world.list, world.limits.adapter_rank, world.limits.adapter_alpha, every_map),
              world.limits.batch);
  freeze_but_adapters(adapted.model());
  own.begin(world.network);
  const std::vector<float> truth = own.logits(world.judged_rows), answers = own.logits(world.public_rows);
  const index_t outputs = world.network.head();
  const auto length = static_cast<std::size_t>(world.public_rows.length);
  const auto answer_loss = [&](std::size_t row, std::size_t t, const float* z, index_t classes, double each,
                               float* dz) {
    const float* const y = answers.data() + static_cast<index_t>(row * length + t) * classes;
    const double loss = distilling_loss(z, y, 1, classes, {.temperature = 1, .share = 1}, dz);
    std::transform(dz, dz + classes, dz, [&](float g) { return static_cast<float>(each) * g; });
    return each * loss;
  };
  for (const char* name : {"extracted", "fine-tuned", "adapters", "distilled", "from nothing"})
    found.strategies.push_back({.name = name});
  for (index_t s = 0; s < world.limits.seeds; ++s) {
    const auto seed = static_cast<std::uint64_t>(s);
    const weight_release release = scheme.release(world.owner(), world.ranges, seed);
    const auto judge = [&](std::size_t strategy, attacker_network<Backend>& attacker) {
      release_strategy& to = found.strategies[strategy];
      const double kl = mean_kl(truth, attacker.logits(world.judged_rows), outputs);
      to.wins += kl <= world.limits.kappa ? 1 : 0, to.kl += kl;
      to.share += recovered_share(world.owner(), release, attacker.model());
    };
    (void)extract_network(taken.model(), world.list, release);
    judge(0, taken);
    trained.begin(taken.model(), seed);
    trained.train(world.public_rows, world.limits, seed);
    judge(1, trained);
    adapted.begin(taken.model(), seed);
    adapted.train(world.public_rows, world.limits, seed);
    merge_adapters(adapted.model(), 1);
    trained.begin(adapted.model());
    judge(2, trained);
    trained.begin(taken.model(), seed);
    trained.train(world.public_rows, world.limits, seed, answer_loss);
    judge(3, trained);
    floors.begin_from_nothing(trained, seed);
    judge(4, trained);
  }
  for (release_strategy& s : found.strategies)
    for (double* sum : {&s.wins, &s.kl, &s.share}) *sum /= static_cast<double>(world.limits.seeds);
  const release_strategy& best =
      *std::min_element(found.strategies.begin(), found.strategies.end() - 1,
                        [](const release_strategy& a, const release_strategy& b) { return a.kl < b.kl; });
  found.found = best.kl;
  release_play::set_difference(found, best.wins, found.strategies.back().wins, world.limits.seeds);
  return found;
}

template <class Backend, class Scheme>
release_advantage play_indistinguishability(const release_world<Backend>& world, const Scheme& scheme) {
  using namespace release_play;
  release_advantage found{.scheme = std::string(Scheme::name), .game = "RI"};
  attacker_network<Backend> second(world.list, 1);
  const std::vector<neuron_ranges> ranges = reorder_neurons(world, second.model());
  const auto release_of = [&](bool other, std::uint64_t coins) {
    return other ? scheme.release(open_network<released_model<Backend>>{world.list, second.model()}, ranges,
                                  coins)
                 : scheme.release(world.owner(), world.ranges, coins);
  };
  index_t right = 0;
  for (index_t t = 0; t < world.limits.trials; ++t) {
    const auto coins = static_cast<std::uint64_t>(t);
    const random_source drawn(coins, stream::attack, 77);
    const bool b = drawn.bits(0) % 2 != 0;
    const std::vector<double> seen = traits_of(release_of(b, 10'000 + coins));
    const double first = distance(seen, traits_of(release_of(false, 20'000 + coins)));
    const double other = distance(seen, traits_of(release_of(true, 30'000 + coins)));
    const bool guess = first == other ? drawn.bits(1) % 2 != 0 : other < first;
    right += guess == b ? 1 : 0;
  }
  const double share = static_cast<double>(right) / static_cast<double>(world.limits.trials);
  const interval sure = wilson(share, static_cast<double>(world.limits.trials));
  found.with = found.found = share, found.without = 0.5, found.trials = world.limits.trials;
  found.advantage = std::abs(share - 0.5);
  const double near = std::abs(sure.low - 0.5), far = std::abs(sure.high - 0.5);
  found.low = sure.low <= 0.5 && sure.high >= 0.5 ? 0 : std::min(near, far), found.high = std::max(near, far);
  return found;
}

template <class Backend, class Scheme>
release_advantage play_modification(const release_world<Backend>& world, const Scheme& scheme,
                                    release_floors<Backend>& floors) {
  release_advantage found{.scheme = std::string(Scheme::name), .game = "FT"};
  attacker_network<Backend> network(world.list, world.limits.batch), taken(world.list, 1);
  std::vector<double> gains;
  for (index_t s = 0; s < world.limits.seeds; ++s) {
    const auto seed = static_cast<std::uint64_t>(s);
    (void)extract_network(taken.model(), world.list, scheme.release(world.owner(), world.ranges, seed));
    network.begin(taken.model(), seed);
    network.train(world.task_rows, world.limits, seed);
    const double with = network.accuracy(world.task_judged);
    const double without = floors.other_task(network, seed);
    gains.push_back(with - without);
    found.with += with / static_cast<double>(world.limits.seeds);
    found.without += without / static_cast<double>(world.limits.seeds);
  }
  const interval sure = release_play::bootstrap_of_mean(gains, 0);
  found.advantage = found.with - found.without, found.low = sure.low, found.high = sure.high;
  found.found = found.with, found.trials = world.limits.seeds;
  return found;
}

/// One of release_game_names; `floors` are those of the same world. Fails with attack.140 for another one.
template <class Backend, class Scheme>
requires ReleaseScheme<Scheme, released_model<Backend>> release_advantage
play_release_game(std::string_view game, const release_world<Backend>& world, const Scheme& scheme,
                  release_floors<Backend>& floors) {
  if (game == "PE") return play_extraction(world, scheme);
  if (game == "FE") return play_function(world, scheme, floors);
  if (game == "RI") return play_indistinguishability(world, scheme);
  if (game == "FT") return play_modification(world, scheme, floors);
  fail("attack.140", "play_release_game", "found \"", game, "\", expected PE, FE, RI or FT");
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
