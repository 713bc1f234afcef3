#include "read_metrics.hpp"

#include <algorithm>
#include <cstdio>

#include "family_order.hpp"

namespace {

constexpr std::array figure_keys = spankey::figure_names;

figure_value read_share(const json_entry& entry) {
  figure_value figure = read_figure(entry);
  figure.mean = entry.at("mean").share();
  // A symmetric interval over seeds, of an older version, may reach beyond the shares that there are.
  if (figure.bounds)
    figure.bounds = {std::clamp(figure.bounds->low, 0.0, 1.0), std::clamp(figure.bounds->high, 0.0, 1.0)};
  return figure;
}

condition_result read_condition(const json_entry& entry, condition_result condition) {
  if (entry.find_even_null("keys") && !entry.find_even_null("tokens_per_key")) {
    condition.seen = {entry.at("keys").count(), entry.at("images_per_key").count(),
                      entry.at("distinct_images").count()};
  }
  if (const auto count = entry.find_even_null("not_finite")) condition.not_finite = count->count();
  for (std::size_t f = 0; f < figure_keys.size(); ++f)
    if (const auto figure = entry.find_even_null(std::string(figure_keys[f])))
      condition.figures[f] = read_share(*figure);
  if (const auto weak = entry.find("weak")) condition.weak = weak->share();  // since key files
  return condition;
}

condition_result no_key() { return {.name = "no key", .label = "no key"}; }
condition_result valid_key() { return {.name = "valid key", .label = "valid key"}; }
condition_result invalid_key(const std::string& family) {
  if (family.empty()) return {.name = "invalid key", .label = "invalid key", .invalid = true};
  return {.name = "invalid key, " + family, .label = family, .invalid = true};
}

// The condition that a published value belongs to; made where the row has no results.
condition_result& place_of(std::vector<condition_result>& conditions, const condition_result& wanted) {
  auto found = conditions.end();
  for (auto c = conditions.begin(); c != conditions.end(); ++c) {
    const bool fits = wanted.invalid ? c->invalid && (found == conditions.end() || c->label == "gaussian")
                                     : !c->invalid && c->label == wanted.label;
    if (fits) found = c;
  }
  return found == conditions.end() ? conditions.emplace_back(wanted) : *found;
}

std::string element_text(const json_value& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number_float()) return value.dump();
  char text[32];  // 2.0 and 2 are one value
  std::snprintf(text, sizeof text, "%.15g", value.get<double>());
  return text;
}

}  // namespace

figure_value read_figure(const json_entry& entry) {
  figure_value figure{.mean = entry.at("mean").number()};
  if (const auto worst = entry.find_even_null("worst")) figure.worst = worst->share();
  if (const auto bounds = entry.find_even_null("wilson95")) {
    const auto ends = bounds->elements();
    if (ends.size() != 2) bounds->refuse("two shares");
    figure.bounds = {ends[0].share(), ends[1].share()};
  } else if (entry.find_even_null("low")) {
    figure.bounds = {entry.at("low").number(), entry.at("high").number()};
  }
  if (const auto values = entry.find_even_null("values"))
    for (const json_entry& value : values->elements()) figure.seeds.push_back(value.number());
  return figure;
}

std::vector<condition_result> read_conditions(const json_entry& metrics, const std::string& family) {
  std::vector<condition_result> conditions;
  if (const auto none = metrics.find_even_null("no_key"))
    conditions.push_back(read_condition(*none, no_key()));
  if (const auto valid = metrics.find_even_null("valid_key"))
    conditions.push_back(read_condition(*valid, valid_key()));
  if (const auto invalid = metrics.find_even_null("invalid_key")) {
    if (invalid->find_even_null("semantic")) {
      conditions.push_back(read_condition(*invalid, invalid_key(family)));
    } else {
      const std::size_t first = conditions.size();
      for (const auto& [name, entry] : invalid->members())
        conditions.push_back(read_condition(entry, invalid_key(name)));
      std::sort(conditions.begin() + static_cast<std::ptrdiff_t>(first), conditions.end(),
                [](const auto& a, const auto& b) { return family_before(a.label, b.label); });
    }
  }
  return conditions;
}

std::optional<acceptance_curve> read_acceptance(const json_entry& metrics) {
  const auto entry = metrics.find_even_null("acceptance");
  if (!entry) return std::nullopt;
  acceptance_curve curve;
  for (const json_entry& angle : entry->at("angle").elements()) curve.angle.push_back(angle.number());
  for (std::size_t f = 0; f < figure_keys.size(); ++f) {
    const auto shares = entry->find_even_null(std::string(figure_keys[f]));
    if (!shares) continue;
    for (const json_entry& share : shares->elements()) curve.figures[f].push_back(share.share());
    if (curve.figures[f].size() != curve.angle.size())
      shares->refuse("an array of " + std::to_string(curve.angle.size()) + ", as many as there are angles");
  }
  return curve;
}

void add_published(const json_entry& published, std::vector<condition_result>& conditions) {
  const auto add = [&](const char* key, const condition_result& wanted) {
    if (const auto value = published.find(key)) place_of(conditions, wanted).published = value->share();
  };
  add("no_key", no_key());
  add("valid_key", valid_key());
  add("invalid_key", invalid_key(""));
}

shown_settings read_settings(const json_entry& object) {
  shown_settings all;
  for (const auto& [name, entry] : object.members()) {
    std::string text;
    if (entry.value().is_array()) {
      for (const json_value& element : entry.value())
        text += (text.empty() ? "" : ",") + element_text(element);
    } else {
      text = element_text(entry.value());
    }
    all.emplace_back(name, text);
  }
  return all;
}
