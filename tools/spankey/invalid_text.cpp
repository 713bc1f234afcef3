#include "invalid_text.hpp"

#include <charconv>

#include "flag_checks.hpp"
#include "network.hpp"
#include "pieces.hpp"
#include "spankey/core/error.hpp"
#include "spankey/train/site_buffers.hpp"

namespace {

using namespace spankey;

double number_of(const std::string& digits, const std::string& whole) {
  double value = 0;
  const auto [stop, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || code != std::errc{} || stop != digits.data() + digits.size())
    fail("flag.116", "invalid keys", "found '", whole, "', expected FAMILY, FAMILY@NUMBER or FAMILY:WEIGHT");
  return value;
}

invalid_family family_of(const std::string& name) {
  try {
    return parse_invalid(name);
  } catch (const error& problem) {
    std::vector<std::string> names;
    for (const auto& entry : invalid_names) names.emplace_back(entry.name);
    fail(problem.id(), "invalid keys", problem.message(), did_you_mean(name, names));
  }
}

}  // namespace

std::string family_names() {
  std::string names;
  for (const auto& entry : invalid_names) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

invalid_rule invalid_rule_of(const std::string& text) {
  const std::size_t at = text.find('@');
  const invalid_family family = family_of(text.substr(0, at));
  if (at == std::string::npos) return family;
  return {family, number_of(text.substr(at + 1), text)};
}

std::vector<weighted_rule> invalid_mixture_of(const std::string& text) {
  std::vector<weighted_rule> mixture;
  if (text.empty()) return mixture;
  for_each_piece(text, [&](const std::string& piece) {
    const std::size_t colon = piece.find(':');
    const double weight = colon == std::string::npos ? 1 : number_of(piece.substr(colon + 1), piece);
    mixture.push_back({invalid_rule_of(piece.substr(0, colon)), weight});
  });
  return mixture;
}

std::vector<invalid_rule> invalid_rules_of(const std::string& text, const run_options& options) {
  std::vector<invalid_rule> rules;
  if (text != "all") {
    for_each_piece(text, [&](const std::string& piece) { rules.push_back(invalid_rule_of(piece)); });
    return rules;
  }
  const std::vector<extents> shapes = site_shapes_of(options);
  std::vector<site> sites;
  for (const int number : options.sites)
    sites.push_back({number, shapes.at(static_cast<std::size_t>(number))});
  const key_space_config keys = options.key_space();
  for (const auto& entry : invalid_names)
    if (entry.value != invalid_family::angle && can_have(entry.value, keys, sites))
      rules.emplace_back(entry.value);
  for (int degrees = 5; degrees <= 90; degrees += 5) {
    const invalid_rule rule{invalid_family::angle, static_cast<double>(degrees)};
    if (can_have(rule, keys, sites)) rules.push_back(rule);
  }
  return rules;
}
