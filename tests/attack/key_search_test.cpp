// Searches for keys and losses of keys against a reference in float64 (golden/make_key_searches.py), and what a search may not do.
#include "spankey/attack/key_search.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "error_probe.hpp"
#include "golden/key_searches.hpp"

using namespace spankey;

namespace {

double valley(std::span<const double> key) {
  double sum = 0;
  for (std::size_t i = 0; i < key.size(); ++i)
    sum -= static_cast<double>(i + 1) * std::pow(key[i] - std::cos(static_cast<double>(i)), 2);
  return sum;
}

// Scores every key by itself.
key_scorer each(std::function<double(std::span<const double>)> score) {
  return [score = std::move(score)](std::span<const double> keys, std::span<double> scores) {
    for (std::size_t k = 0; k < scores.size(); ++k) scores[k] = score(keys.subspan(k * 6, 6));
  };
}

struct found {
  std::vector<double> scores;
  std::vector<index_t> at;
  index_t asked = 0;
};
found run(key_search kind, const search_limits& limits, const std::vector<index_t>& at) {
  found f;
  const key_scorer score = each([&](std::span<const double> key) {
    ++f.asked;
    return valley(key);
  });
  search_key(kind, 6, limits, score, at, [&](index_t queries, const std::vector<double>& key) {
    f.at.push_back(queries);
    f.scores.push_back(valley(key));
  });
  return f;
}
const search_limits usual{.queries = 400, .deviation = 0.5, .seed = 7, .run = 3};

void agree(key_search kind, const std::vector<double>& expected) {
  const found f = run(kind, usual, {100, 400});
  REQUIRE(f.scores.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(f.scores[i] == doctest::Approx(expected[i]).epsilon(1e-9));
}

}  // namespace

TEST_CASE("key search: NES, SPSA and the separable CMA-ES find what a reference in float64 finds") {
  agree(key_search::nes, golden::nes);
  agree(key_search::spsa, golden::spsa);
  agree(key_search::sep_cma_es, golden::sep_cma_es);
}

TEST_CASE(
    "key search: queries are never more than allowed, and every budget is told, with the best key up to it") {
  for (const key_search kind :
       {key_search::random, key_search::nes, key_search::spsa, key_search::sep_cma_es, key_search::walk}) {
    for (const index_t restart : {0, 130}) {
      search_limits limits = usual;
      limits.restart = restart;
      limits.queries = 417;
      const found f = run(kind, limits, {1, 60, 417});
      CHECK(f.asked <= 417);
      CHECK(f.at == std::vector<index_t>{1, 60, 417});
      CHECK(f.scores[0] <= f.scores[1]);
      CHECK(f.scores[1] <= f.scores[2]);
    }
  }
  // A run is its own, and the same again.
  search_limits other = usual;
  other.run = 4;
  CHECK(run(key_search::walk, usual, {400}).scores == run(key_search::walk, usual, {400}).scores);
  CHECK(run(key_search::walk, usual, {400}).scores != run(key_search::walk, other, {400}).scores);
}

TEST_CASE("key search: a plateau is no error, and fewer queries than a step takes are") {
  const key_scorer flat = each([](std::span<const double>) { return 0.0; });
  for (const key_search kind : {key_search::nes, key_search::spsa, key_search::sep_cma_es}) {
    index_t told = 0;
    search_key(kind, 6, usual, flat, {400}, [&](index_t, const std::vector<double>& key) {
      ++told;
      for (const double k : key) CHECK(std::isfinite(k));
    });
    CHECK(told == 1);
  }
  const auto with = [&](index_t queries) {
    return spankey_test::id_of([&] {
      search_key(key_search::nes, 6, {.queries = queries}, flat, {},
                 [](index_t, const std::vector<double>&) {});
    });
  };
  CHECK(with(0) == "attack.125");
  CHECK(with(49) == "attack.125");
  CHECK(with(50) == "no error");
}

TEST_CASE("key search: a score that is no number is beaten by any other") {
  index_t asked = 0;
  const key_scorer broken_first =
      each([&](std::span<const double> key) { return ++asked == 1 ? std::nan("") : valley(key); });
  double best = 0;
  search_key(key_search::random, 6, usual, broken_first, {400},
             [&](index_t, const std::vector<double>& key) { best = valley(key); });
  CHECK(best == run(key_search::random, usual, {400}).scores[0]);
}
