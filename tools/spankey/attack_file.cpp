#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "attack.hpp"
#include "json_text.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"

namespace {

using nlohmann::json;
using spankey::fail;
using spankey::figure;
using spankey::figure_names;
using spankey::printable;

// Shares of keys and samples: four digits are more than their number tells.
spankey::utility rounded(spankey::utility u) {
  for (std::vector<double>* const shares : {&u.rows, &u.columns})
    for (double& share : *shares) share = std::round(share * 1e4) / 1e4;
  return u;
}
json utility_json(const spankey::utility& u) { return {{"rows", u.rows}, {"columns", u.columns}}; }
spankey::utility utility_from(const json& j) {
  return {j.at("rows").get<std::vector<double>>(), j.at("columns").get<std::vector<double>>()};
}

json measures_json(const std::vector<spankey::measure>& measures) {
  json all = json::array();
  for (const spankey::measure& m : measures)
    all.push_back({{"name", m.name}, {"value", std::isfinite(m.value) ? json(m.value) : json()}});
  return all;
}

json point_json(const spankey::played_point& p) {
  json point = {{"attack", p.attack},
                {"unit", p.unit},
                {"budget", p.budget},
                {"judged", figure_names[static_cast<std::size_t>(p.judged)]},
                {"decides", p.decides},
                {"labelled", p.labelled},
                {"found", utility_json(p.found)},
                {"measures", measures_json(p.measures)}};
  return point;
}
spankey::played_point point_from(const json& j) {
  spankey::played_point p{j.at("attack"),
                          j.at("unit"),
                          j.at("budget"),
                          figure::masked,
                          j.at("decides"),
                          j.at("labelled"),
                          utility_from(j.at("found")),
                          {}};
  const auto name = std::find(figure_names.begin(), figure_names.end(), j.at("judged").get<std::string>());
  if (name == figure_names.end()) fail("flag.207", "attack", "found a figure that there is none of");
  p.judged = static_cast<figure>(name - figure_names.begin());
  for (const json& m : j.at("measures"))
    p.measures.push_back(
        {m.at("name"), m.at("value").is_null() ? std::nan("") : m.at("value").get<double>()});
  return p;
}

// What makes results comparable: another attack goes into another file.
json comparable_options(const attack_options& request) {
  return {{"budget", request.budget}, {"test-limit", request.test_limit}};
}

json number_or_null(double x) { return std::isfinite(x) ? json(x) : json(); }

json games_summary(const attack_results& results, const attack_options& request) {
  json summary = json::array();
  for (const game_title& game : program_games()) {
    bool whole = true;
    for (std::uint64_t seed = 0; seed < request.seeds; ++seed)
      whole = whole && results.played(game.number, seed) != nullptr;
    if (!whole) continue;
    const spankey::judged_game found = judged({&results, 1}, game.number);
    json curves = json::array();
    for (const spankey::judged_point& p : found.points)
      curves.push_back({{"attack", p.attack},
                        {"unit", p.unit},
                        {"budget", p.budget},
                        {"decides", p.decides},
                        {"gain", number_or_null(p.gain.gain)},
                        {"low", number_or_null(p.gain.low)},
                        {"high", number_or_null(p.gain.high)},
                        {"attack_mean", p.gain.attack},
                        {"open", p.gain.open},
                        {"floor", p.gain.floor},
                        {"worst", p.worst},
                        {"measures", measures_json(p.measures)}});
    summary.push_back({{"game", game.number},
                       {"title", game.title},
                       {"verdict", name_of_verdict(found.verdict)},
                       {"best", found.best},
                       {"points", std::move(curves)}});
  }
  return summary;
}

}  // namespace

void attack_results::add(const attack_results& others) {
  if (classes == 0) classes = others.classes;
  for (const seed_game& g : others.games)
    if (played(g.number, g.seed) == nullptr) games.push_back(g);
  for (const seed_base& b : others.seeds) {
    const auto own =
        std::find_if(seeds.begin(), seeds.end(), [&](const seed_base& s) { return s.seed == b.seed; });
    if (own == seeds.end()) {
      seeds.push_back(b);
    } else {
      own->floors.insert(b.floors.begin(), b.floors.end());
    }
  }
  std::sort(games.begin(), games.end(), [](const seed_game& a, const seed_game& b) {
    return std::pair(a.seed, a.number) < std::pair(b.seed, b.number);
  });
  std::sort(seeds.begin(), seeds.end(),
            [](const seed_base& a, const seed_base& b) { return a.seed < b.seed; });
}

std::string attack_text(const attack_results& given, const attack_options& request) {
  attack_results results = given;
  for (seed_game& g : results.games)
    for (spankey::played_point& p : g.points) p.found = rounded(p.found);
  for (seed_base& b : results.seeds) {
    b.open = rounded(b.open);
    for (auto& [labelled, floor] : b.floors) floor = rounded(floor);
  }
  json games = json::array(), seeds = json::array();
  for (const seed_game& g : results.games) {
    json points = json::array();
    for (const spankey::played_point& p : g.points) points.push_back(point_json(p));
    games.push_back(
        {{"game", g.number}, {"seed", g.seed}, {"seconds", g.seconds}, {"points", std::move(points)}});
  }
  for (const seed_base& b : results.seeds) {
    json floors = json::array();
    for (const auto& [labelled, floor] : b.floors)
      floors.push_back({{"labelled", labelled}, {"found", utility_json(floor)}});
    seeds.push_back({{"seed", b.seed}, {"open", utility_json(b.open)}, {"floors", std::move(floors)}});
  }
  return json{{"options", comparable_options(request)},
              {"classes", results.classes},
              {"summary", games_summary(results, request)},
              {"seeds", std::move(seeds)},
              {"games", std::move(games)}}
             .dump() +
         "\n";
}

attack_results earlier_results(const std::string& file, const attack_options& request) {
  attack_results results;
  if (!std::filesystem::exists(file)) return results;
  const auto all = ::json_of<json>(text_of_file(file, "flag.207", results_cap), file, "flag.207");
  try {
    if (all.at("options") != comparable_options(request))
      fail("flag.207", "attack", "'", printable(file),
           "' has results of another budget or of other test samples; expected another --out");
    results.classes = all.at("classes");
    for (const json& b : all.at("seeds")) {
      results.seeds.push_back({b.at("seed"), utility_from(b.at("open")), {}});
      for (const json& f : b.at("floors"))
        results.seeds.back().floors[f.at("labelled").get<std::int64_t>()] = utility_from(f.at("found"));
    }
    for (const json& g : all.at("games")) {
      results.games.push_back({g.at("game"), g.at("seed"), g.at("seconds"), {}});
      for (const json& p : g.at("points")) results.games.back().points.push_back(point_from(p));
    }
  } catch (const json::exception&) {
    fail("flag.207", "attack", "'", printable(file), "' is not what an attack wrote");
  }
  return results;
}

std::string_view name_of_verdict(spankey::verdict_of_game verdict) {
  using spankey::verdict_of_game;
  return verdict == verdict_of_game::held   ? "held"
         : verdict == verdict_of_game::lost ? "lost"
                                            : "not decided";
}

spankey::judged_game judged(std::span<const attack_results> gates, int number) {
  std::vector<spankey::played_game> games;
  std::vector<spankey::seed_terms> terms;
  for (const attack_results& results : gates)
    for (const seed_base& b : results.seeds) {
      const seed_game* const found = results.played(number, b.seed);
      if (found == nullptr) continue;
      games.push_back(found->points);
      terms.push_back({b.open, [&b](spankey::index_t labelled) {
                         const auto floor = b.floors.find(labelled);
                         return floor == b.floors.end() ? spankey::utility{} : floor->second;
                       }});
    }
  return spankey::judge_game(games, terms, 1 / static_cast<double>(gates.front().classes), 0);
}
