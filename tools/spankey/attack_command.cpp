#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "attack.hpp"
#include "json_text.hpp"
#include "pieces.hpp"
#include "run_folder.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

namespace {

using nlohmann::json;
using spankey::fail;
using spankey::figure;
using spankey::figure_names;
using spankey::printable;

std::vector<int> game_numbers(const std::string& text) {
  const std::vector<game_title> known = program_games();
  std::vector<int> numbers;
  if (text == "all") {
    for (const game_title& game : known) numbers.push_back(game.number);
    return numbers;
  }
  for_each_piece(text, [&](const std::string& piece) {
    int number = 0;
    const auto [end, code] = std::from_chars(piece.data(), piece.data() + piece.size(), number);
    const bool is_known =
        std::any_of(known.begin(), known.end(), [&](const game_title& g) { return g.number == number; });
    if (code != std::errc{} || end != piece.data() + piece.size() || !is_known) {
      std::string names;
      for (const game_title& g : known) names += (names.empty() ? "" : ", ") + std::to_string(g.number);
      fail("flag.206", "--games", "found '", printable(piece), "', expected all, or some of ", names);
    }
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) numbers.push_back(number);
  });
  return numbers;
}

// Shares of keys and samples: four digits are more than their number tells.
json rounded(const std::vector<double>& shares) {
  json numbers = json::array();
  for (const double share : shares) numbers.push_back(std::round(share * 1e4) / 1e4);
  return numbers;
}
json utility_json(const spankey::utility& u) {
  return {{"rows", rounded(u.rows)}, {"columns", rounded(u.columns)}};
}
spankey::utility utility_from(const json& j) {
  return {j.at("rows").get<std::vector<double>>(), j.at("columns").get<std::vector<double>>()};
}

json point_json(const spankey::played_point& p) {
  json point = {{"attack", p.attack},
                {"unit", p.unit},
                {"budget", p.budget},
                {"judged", figure_names[static_cast<std::size_t>(p.judged)]},
                {"decides", p.decides},
                {"labelled", p.labelled},
                {"found", utility_json(p.found)}};
  for (const spankey::measure& m : p.measures)
    point["measures"].push_back(
        {{"name", m.name}, {"value", std::isfinite(m.value) ? json(m.value) : json()}});
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
  if (j.contains("measures"))
    for (const json& m : j.at("measures"))
      p.measures.push_back(
          {m.at("name"), m.at("value").is_null() ? std::nan("") : m.at("value").get<double>()});
  return p;
}

std::string_view verdict_name(spankey::verdict_of_game verdict) {
  using spankey::verdict_of_game;
  return verdict == verdict_of_game::held   ? "held"
         : verdict == verdict_of_game::lost ? "lost"
                                            : "not decided";
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
    const spankey::judged_game judged = results.judged(game.number);
    json curves = json::array();
    for (const spankey::judged_point& p : judged.points)
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
                        {"worst", p.worst}});
    summary.push_back({{"game", game.number},
                       {"title", game.title},
                       {"verdict", verdict_name(judged.verdict)},
                       {"best", judged.best},
                       {"points", std::move(curves)}});
  }
  return summary;
}

std::string attack_text(const attack_results& results, const attack_options& request) {
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

// What an earlier call of the same command found.
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

void print_games(const attack_results& results, const std::vector<int>& numbers) {
  std::printf("\n%4s  %-28s %-44s %10s  %-22s %s\n", "game", "", "the attack that gains most", "budget",
              "gain G", "verdict");
  for (const game_title& game : program_games()) {
    if (std::find(numbers.begin(), numbers.end(), game.number) == numbers.end()) continue;
    const spankey::judged_game judged = results.judged(game.number);
    const spankey::judged_point& best = judged.points[judged.best];
    std::printf("%4d  %-28s %-44s %10g  %5.2f (%5.2f to %5.2f)  %s\n", game.number,
                std::string(game.title).c_str(), (best.attack + ", " + best.unit).c_str(), best.budget,
                best.gain.gain, best.gain.low, best.gain.high,
                std::string(verdict_name(judged.verdict)).c_str());
  }
  double open = 0;
  for (const seed_base& b : results.seeds) open += b.open.mean() / static_cast<double>(results.seeds.size());
  std::printf(
      "\nvalid keys are right on %.4f\n"
      "G      (attack - floor)/(valid keys - floor), with a 95 %% interval over attackers, keys and samples; "
      "the\n"
      "       floor is chance, or a network from scratch with as many labelled samples\n"
      "lost   the whole interval is above %.1f; held: below\n",
      open, spankey::allowed_gain);
}

}  // namespace

spankey::judged_game attack_results::judged(int number) const {
  std::vector<spankey::played_game> games_of_seeds;
  std::vector<spankey::seed_terms> terms;
  for (const seed_base& b : seeds) {
    const seed_game* const found = played(number, b.seed);
    if (found == nullptr) continue;
    games_of_seeds.push_back(found->points);
    terms.push_back({b.open, [&b](spankey::index_t labelled) {
                       const auto floor = b.floors.find(labelled);
                       return floor == b.floors.end() ? spankey::utility{} : floor->second;
                     }});
  }
  return spankey::judge_game(games_of_seeds, terms, 1 / static_cast<double>(classes), 0);
}

int attack(const attack_options& request) {
  namespace fs = std::filesystem;
  run_options options = read_config((fs::path(request.run) / "config.json").string());
  options.data_root = request.data_root;
  options.test_limit = request.test_limit;
  if (!spankey::checkpoints_in(request.run).empty())
    fail("flag.163", "RUN", "'", printable(request.run), "' holds checkpoints: its training is not finished");
  const std::vector<int> numbers = game_numbers(request.games);
  const std::string out =
      request.out.empty() ? (fs::path(request.run) / "attack.json").string() : request.out;
  attack_results results = earlier_results(out, request);
  std::printf("%4s %4s  %-44s %-26s %10s %9s %9s\n", "game", "seed", "attack", "budget in", "budget", "right",
              "worst key");
  attack_on_cpu(options, request, numbers, results,
                {[&](int number, std::uint64_t seed, const spankey::played_point& p) {
                   std::printf("%4d %4llu  %-44s %-26s %10g %9.4f %9.4f\n", number,
                               static_cast<unsigned long long>(seed), p.attack.c_str(), p.unit.c_str(),
                               p.budget, p.found.mean(), p.found.most());
                   std::fflush(stdout);
                 },
                 [&](const attack_results& so_far) {
                   spankey::write_file_atomically(out, attack_text(so_far, request),
                                                  spankey::file_mode::shared);
                 }});
  print_games(results, numbers);
  std::printf("wrote %s\n", printable(out).c_str());
  return 0;
}
