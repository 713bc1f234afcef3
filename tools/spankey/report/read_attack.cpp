#include "read_attack.hpp"

#include "json_file.hpp"

namespace {

std::optional<double> number_if_any(const json_entry& entry, const char* name) {
  const auto found = entry.find(name);
  return found ? std::optional(found->number()) : std::nullopt;
}

attacked_point read_point(const json_entry& entry) {
  const json_entry decides = entry.at("decides");
  if (!decides.value().is_boolean()) decides.refuse("true or false");
  attacked_point point{.attack = entry.at("attack").text(),
                       .unit = entry.at("unit").text(),
                       .budget = entry.at("budget").number(),
                       .decides = decides.value().get<bool>(),
                       .right = entry.at("attack_mean").share(),
                       .worst = entry.at("worst").share(),
                       .open = entry.at("open").share(),
                       .floor = entry.at("floor").share(),
                       .gain = number_if_any(entry, "gain"),
                       .low = number_if_any(entry, "low"),
                       .high = number_if_any(entry, "high"),
                       .measures = {}};
  for (const json_entry& m : entry.at("measures").elements())
    point.measures.emplace_back(m.at("name").text(), number_if_any(m, "value"));
  return point;
}

}  // namespace

std::vector<attacked_game> read_attack(const std::string& file) {
  const json_value value = parse_json(read_text(file), file);
  std::vector<attacked_game> games;
  for (const json_entry& entry : json_entry(value, file).at("summary").elements()) {
    attacked_game game{.number = entry.at("game").count(),
                       .title = entry.at("title").text(),
                       .verdict = entry.at("verdict").text(),
                       .points = {}};
    for (const json_entry& point : entry.at("points").elements()) game.points.push_back(read_point(point));
    const std::int64_t best = entry.at("best").count();
    if (best < 0 || best >= static_cast<std::int64_t>(game.points.size()))
      entry.at("best").refuse("the number of a point");
    game.best = static_cast<std::size_t>(best);
    games.push_back(std::move(game));
  }
  return games;
}
