// Searches for a key by asking alone: each raises a score of keys, a query a key, until its queries are used up.
//
//   random      independent keys of the given deviation
//   nes         g = 1/(2 b sigma) sum (f(k + sigma u) - f(k - sigma u)) u, u Gaussian; v = 0.9 v + g; k += rate sqrt(d) v / |v|
//   spsa        g = (f(k + c_j D) - f(k - c_j D)) / (2 c_j) D, D of signs; k += a_j g; a_j = a/(j + 50)^0.602, c_j = c/(j + 1)^0.101
//   sep_cma_es  covariance matrix adaptation with a diagonal covariance
//   walk        a step of one's own size is taken where the score is not lower; steps grow by success, and shrink without: for
//               scores with plateaus, as labels alone give
// Deviations are in units of a valid key's, `deviation`. Sources: Ilyas et al., 2018 (NES; sigma and the rate as shares of the
// deviation); Spall, 1998; Ros and Hansen, 2008; Brendel et al., 2018 (walk).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

enum class key_search : unsigned char { random, nes, spsa, sep_cma_es, walk };
inline constexpr std::array<std::string_view, 5> key_search_names = {"random", "nes", "spsa", "sep-cma-es",
                                                                     "walk"};

/// Scores of some keys, one behind the other: overwrites `scores`, one for each. Higher is better.
using key_scorer = std::function<void(std::span<const double> keys, std::span<double> scores)>;

struct search_limits {
  index_t queries = 1000;
  double deviation = 1;  // of an element of a valid key
  index_t restart = 0;   // queries after which a search begins anew, from another start; 0: never
  std::uint64_t seed = 0, run = 0;
};

/// Counts queries, and keeps the best key of all that were asked.
class scored_queries {
 public:
  /// `on_best(queries, key)` is called when `queries` of `at` have been asked, in ascending order.
  scored_queries(const key_scorer& score, index_t queries, std::vector<index_t> at,
                 std::function<void(index_t, const std::vector<double>&)> on_best)
      : score_(score), left_(queries), at_(std::move(at)), on_best_(std::move(on_best)) {}

  [[nodiscard]] bool has(index_t queries) const { return left_ >= queries; }
  [[nodiscard]] index_t asked() const { return asked_; }
  /// Of `count` keys of d numbers, as many as has() allows; until the next call.
  std::span<const double> operator()(std::span<const double> keys, std::size_t d) {
    scores_.resize(keys.size() / d);
    score_(keys, scores_);
    for (std::size_t k = 0; k < scores_.size(); ++k) {
      double& found = scores_[k];
      if (!is_finite(found)) found = -1e300;  // NaN beats nothing
      --left_, ++asked_;
      const auto key = keys.subspan(k * d, d);
      if (asked_ == 1 || found > best_score_) best_score_ = found, best_.assign(key.begin(), key.end());
      while (next_ < at_.size() && asked_ == at_[next_]) on_best_(at_[next_++], best_);
    }
    return scores_;
  }
  double operator()(const std::vector<double>& key) { return (*this)(key, key.size()).front(); }
  /// What is left of `at` is told with the best key that there is: a search that could not use all of its queries.
  void finish() {
    while (next_ < at_.size()) on_best_(at_[next_++], best_);
  }

 private:
  const key_scorer& score_;
  index_t left_, asked_ = 0;
  std::vector<index_t> at_;
  std::function<void(index_t, const std::vector<double>&)> on_best_;
  std::size_t next_ = 0;
  double best_score_ = 0;
  std::vector<double> best_, scores_;
};

namespace search {

/// Numbers of one run of a search, one after another.
class numbers {
 public:
  numbers(std::uint64_t seed, std::uint64_t run) : source_(seed, stream::key_search, run) {}
  double gaussian() { return source_.gaussian(next_++); }
  double sign() { return source_.uniform(next_++) < 0.5 ? -1.0 : 1.0; }
  void fill(std::vector<double>& v, double deviation) {
    for (double& x : v) x = deviation * gaussian();
  }

 private:
  random_source source_;
  std::uint64_t next_ = 0;
};

inline double norm(const std::vector<double>& v) {
  return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
}
/// Writes from + step u to the `row`th key of `keys`.
inline void put_moved(const std::vector<double>& from, double step, const std::vector<double>& u,
                      std::size_t row, std::vector<double>& keys) {
  for (std::size_t i = 0; i < from.size(); ++i) keys[row * from.size() + i] = from[i] + step * u[i];
}
inline std::vector<double> moved(const std::vector<double>& from, double step, const std::vector<double>& u) {
  std::vector<double> to = from;
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += step * u[i];
  return to;
}

inline void by_chance(std::size_t d, double deviation, numbers& draw, scored_queries& ask, index_t end) {
  constexpr index_t together = 32;
  std::vector<double> keys;
  while (ask.has(1) && ask.asked() < end) {
    index_t count = std::min(together, end - ask.asked());
    while (!ask.has(count)) --count;
    keys.resize(static_cast<std::size_t>(count) * d);
    draw.fill(keys, deviation);
    (void)ask(keys, d);
  }
}

inline void by_nes(std::size_t d, double deviation, numbers& draw, scored_queries& ask, index_t end) {
  constexpr std::size_t pairs = 25;
  const double sigma = 0.1 * deviation, rate = 0.02 * deviation * std::sqrt(static_cast<double>(d));
  std::vector<double> key(d), gradient(d), velocity(d, 0.0), both(2 * pairs * d);
  std::vector<std::vector<double>> u(pairs, std::vector<double>(d));
  draw.fill(key, deviation);
  while (ask.has(2 * pairs) && ask.asked() < end) {
    for (std::size_t p = 0; p < pairs; ++p) {
      draw.fill(u[p], 1);
      put_moved(key, sigma, u[p], 2 * p, both), put_moved(key, -sigma, u[p], 2 * p + 1, both);
    }
    const std::span<const double> scores = ask(both, d);
    std::fill(gradient.begin(), gradient.end(), 0.0);
    for (std::size_t p = 0; p < pairs; ++p) {
      const double weight = (scores[2 * p] - scores[2 * p + 1]) / (2 * static_cast<double>(pairs) * sigma);
      for (std::size_t i = 0; i < d; ++i) gradient[i] += weight * u[p][i];
    }
    for (std::size_t i = 0; i < d; ++i) velocity[i] = 0.9 * velocity[i] + gradient[i];
    const double length = norm(velocity);
    if (length > 0) key = moved(key, rate / length, velocity);  // on a plateau it stays where it is
  }
}

inline void by_spsa(std::size_t d, double deviation, numbers& draw, scored_queries& ask, index_t end) {
  std::vector<double> key(d), signs(d), both(2 * d);
  draw.fill(key, deviation);
  double a =
      0;  // follows from the first slope that is not 0: its step moves every element by 0.05 deviations
  for (double j = 0; ask.has(2) && ask.asked() < end; ++j) {
    const double c = 0.1 * deviation / std::pow(j + 1, 0.101);
    for (double& s : signs) s = draw.sign();
    put_moved(key, c, signs, 0, both), put_moved(key, -c, signs, 1, both);
    const std::span<const double> scores = ask(both, d);
    const double slope = (scores[0] - scores[1]) / (2 * c);
    if (slope == 0) continue;
    if (a == 0) a = 0.05 * deviation * std::pow(j + 50, 0.602) / std::abs(slope);
    key = moved(key, a / std::pow(j + 50, 0.602) * slope, signs);
  }
}

inline void by_sep_cma_es(std::size_t d, double deviation, numbers& draw, scored_queries& ask, index_t end) {
  const auto n = static_cast<double>(d);
  const auto lambda = static_cast<std::size_t>(4 + std::floor(3 * std::log(n)));
  const std::size_t mu = lambda / 2;
  std::vector<double> weights(mu);
  for (std::size_t i = 0; i < mu; ++i)
    weights[i] = std::log(static_cast<double>(mu) + 0.5) - std::log(static_cast<double>(i) + 1);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  double squares = 0;
  for (double& w : weights) w /= sum, squares += w * w;
  const double effective = 1 / squares;
  const double c_sigma = (effective + 2) / (n + effective + 5),
               damping = 1 + 2 * std::max(0.0, std::sqrt((effective - 1) / (n + 1)) - 1) + c_sigma;
  const double c_c = (4 + effective / n) / (n + 4 + 2 * effective / n);
  const double c_one = 2 / ((n + 1.3) * (n + 1.3) + effective),
               c_mu =
                   std::min(1 - c_one, 2 * (effective - 2 + 1 / effective) / ((n + 2) * (n + 2) + effective));
  // A diagonal has n numbers to learn and not n^2: it may learn (n + 2)/3 times as fast.
  const double faster = (n + 2) / 3, one = std::min(1.0, faster * c_one),
               rest = std::min(1 - one, faster * c_mu);
  const double expected = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));

  std::vector<double> mean(d), variance(d, 1.0), path_sigma(d, 0.0), path(d, 0.0);
  draw.fill(mean, deviation);
  double sigma = 0.3 * deviation;
  struct member {
    double score;
    std::vector<double> z;
  };
  std::vector<member> population(lambda, member{0, std::vector<double>(d)});
  std::vector<double> keys(lambda * d);
  for (double generation = 1; ask.has(static_cast<index_t>(lambda)) && ask.asked() < end; ++generation) {
    for (std::size_t k = 0; k < lambda; ++k) {
      std::vector<double>& z = population[k].z;
      draw.fill(z, 1);
      for (std::size_t i = 0; i < d; ++i) keys[k * d + i] = mean[i] + sigma * std::sqrt(variance[i]) * z[i];
    }
    const std::span<const double> scores = ask(keys, d);
    for (std::size_t k = 0; k < lambda; ++k) population[k].score = scores[k];
    std::stable_sort(population.begin(), population.end(),
                     [](const member& a, const member& b) { return a.score > b.score; });
    double length = 0;
    std::vector<double> z(d, 0.0);
    for (std::size_t k = 0; k < mu; ++k)
      for (std::size_t i = 0; i < d; ++i) z[i] += weights[k] * population[k].z[i];
    for (std::size_t i = 0; i < d; ++i) {
      path_sigma[i] = (1 - c_sigma) * path_sigma[i] + std::sqrt(c_sigma * (2 - c_sigma) * effective) * z[i];
      length += path_sigma[i] * path_sigma[i];
    }
    length = std::sqrt(length);
    const bool steady =
        length / std::sqrt(1 - std::pow(1 - c_sigma, 2 * generation)) < (1.4 + 2 / (n + 1)) * expected;
    for (std::size_t i = 0; i < d; ++i) {
      const double step = std::sqrt(variance[i]) * z[i];
      mean[i] += sigma * step;
      path[i] = (1 - c_c) * path[i] + (steady ? std::sqrt(c_c * (2 - c_c) * effective) * step : 0);
      double of_best = 0;
      for (std::size_t k = 0; k < mu; ++k)
        of_best += weights[k] * variance[i] * population[k].z[i] * population[k].z[i];
      variance[i] = (1 - one - rest) * variance[i] +
                    one * (path[i] * path[i] + (steady ? 0 : c_c * (2 - c_c) * variance[i])) + rest * of_best;
    }
    sigma *= std::exp(c_sigma / damping * (length / expected - 1));
  }
}

inline void by_walk(std::size_t d, double deviation, numbers& draw, scored_queries& ask, index_t end) {
  std::vector<double> key(d), u(d);
  draw.fill(key, deviation);
  if (!ask.has(1)) return;
  double score = ask(key), step = 0.5 * deviation;
  while (ask.has(1) && ask.asked() < end) {
    draw.fill(u, 1);
    std::vector<double> other = moved(key, step, u);
    const double found = ask(other);
    // One success in five keeps the size of the steps.
    step *= found > score ? std::exp(0.2) : std::exp(-0.05);
    step = std::max(step, 0.01 * deviation);
    if (found >= score) key = std::move(other), score = found;
  }
}

}  // namespace search

/// A key of `d` numbers with a high score. on_best(queries, key): the best key after each number of queries of `at` (ascending,
/// at most limits.queries). Fails with attack.125 for no numbers or queries.
inline void search_key(key_search kind, std::size_t d, const search_limits& limits, const key_scorer& score,
                       const std::vector<index_t>& at,
                       const std::function<void(index_t, const std::vector<double>&)>& on_best) {
  if (d == 0 || limits.queries < 1)
    fail("attack.125", "search_key", "asked for a key of ", d, " numbers in ", limits.queries, " queries");
  scored_queries ask(score, limits.queries, at, on_best);
  search::numbers draw(limits.seed, limits.run);
  const index_t each = limits.restart > 0 ? limits.restart : limits.queries;
  for (index_t end = each, before = -1; ask.has(1) && ask.asked() != before; end += each) {
    before = ask.asked();
    switch (kind) {
      case key_search::random:
        search::by_chance(d, limits.deviation, draw, ask, end);
        break;
      case key_search::nes:
        search::by_nes(d, limits.deviation, draw, ask, end);
        break;
      case key_search::spsa:
        search::by_spsa(d, limits.deviation, draw, ask, end);
        break;
      case key_search::sep_cma_es:
        search::by_sep_cma_es(d, limits.deviation, draw, ask, end);
        break;
      case key_search::walk:
        search::by_walk(d, limits.deviation, draw, ask, end);
        break;
    }
  }
  if (ask.asked() == 0)
    fail("attack.125", "search_key", "found ", limits.queries, " queries, fewer than one step of ",
         key_search_names[static_cast<std::size_t>(kind)], " takes");
  ask.finish();
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
