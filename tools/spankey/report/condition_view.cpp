#include "condition_view.hpp"

#include <algorithm>
#include <array>

#include "html_text.hpp"
#include "marks.hpp"

std::size_t condition_colour(const std::vector<condition_result>& conditions, std::size_t index) {
  if (!conditions[index].invalid) return conditions[index].name == "no key" ? 0 : 1;
  std::size_t family = 0;
  for (std::size_t i = 0; i < index; ++i) family += conditions[i].invalid ? 1 : 0;
  // Grey and blue are taken; after four colours the signs change places.
  return 2 + family % 4 + series_colours * (family / 4);
}

std::optional<double> published_of(const condition_result& condition, spankey::figure f) {
  return f == spankey::figure::semantic ? condition.published : std::nullopt;
}

std::vector<share_bar> condition_bars(const std::vector<condition_result>& conditions, spankey::figure f) {
  std::vector<share_bar> bars;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const condition_result& condition = conditions[i];
    const auto& figure = condition.figures[static_cast<std::size_t>(f)];
    share_bar bar{.label = condition.label,
                  .tip = condition.name,
                  .colour = std::min<std::size_t>(condition_colour(conditions, i), 2),
                  .published = published_of(condition, f)};
    if (figure) {
      bar.value = figure->mean;
      const bool is_one_key = condition.seen && condition.seen->keys == 1;
      if (!is_one_key) bar.worst = figure->worst;
      if (figure->bounds) bar.low = figure->bounds->low, bar.high = figure->bounds->high;
    }
    if (bar.value || bar.published) bars.push_back(bar);
  }
  return bars;
}

std::string not_finite_note(const std::vector<condition_result>& conditions) {
  std::int64_t count = 0;
  for (const condition_result& c : conditions) count += c.not_finite;
  if (count == 0) return {};
  return paragraph(std::to_string(count) +
                   " answers are NaN or infinity: they count as refused, and as right in no figure.");
}

bool has_figure(const std::vector<condition_result>& conditions, spankey::figure f, const std::string& deny) {
  const bool can_refuse = deny.empty() || deny == "B" || deny == "B_aux" || deny == "sealed";
  return std::any_of(conditions.begin(), conditions.end(), [&](const condition_result& condition) {
    const auto& value = condition.figures[static_cast<std::size_t>(f)];
    if (f == spankey::figure::reject) return value && (can_refuse || value->mean > 0);
    return value || published_of(condition, f);
  });
}

std::vector<legend_entry> bar_legend(const std::vector<condition_result>& conditions,
                                     const std::string& what) {
  constexpr std::array names = {"no key", "valid keys", "invalid keys"};
  std::array<bool, names.size()> there{};
  bool intervals = false, worst = false, published = false;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const condition_result& c = conditions[i];
    there[std::min<std::size_t>(condition_colour(conditions, i), 2)] = true;
    published = published || c.published;
    for (const auto& value : c.figures) {
      intervals = intervals || (value && value->bounds);
      worst = worst || (value && value->worst && !(c.seen && c.seen->keys == 1));
    }
  }
  std::vector<legend_entry> signs;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (there[i]) signs.push_back({bar_sample(i), names[i]});
  if (intervals) signs.push_back({interval_across(3, 25, 7), "95 % interval" + what});
  if (worst) signs.push_back({worst_mark(14, 7), "worst key for the gate"});
  if (published) signs.push_back({published_mark(14, 7), "published"});
  return signs;
}

std::string gate_note(const std::vector<condition_result>& conditions) {
  const bool is_gated = std::any_of(conditions.begin(), conditions.end(),
                                    [](const condition_result& c) { return c.label == "valid key"; });
  if (!is_gated) return {};
  return paragraph(
      "A gate holds where valid keys are high in semantic, masked and calibrated, and no key and invalid "
      "keys are near "
      "chance (1 / classes) or below. Keys at a small angle to the span, and multiples of valid ones, are "
      "nearly valid.",
      true);
}

std::string option_of(const shown_settings& options, std::string_view name) {
  for (const auto& [key, text] : options)
    if (key == name) return text;
  return {};
}

std::string absorption_text(double index) {
  std::string text = "Absorption index " + share_text(index) +
                     ": 0 where gaussian keys leave chance (1 / classes), 1 where the key is ignored.";
  if (share_text(index) == ".0000" || index >= 0) return text;
  return text +
         " Below 0 they leave less than chance: what they answer is mostly a refusal, or wrong on purpose. "
         "That is "
         "no better and no worse a gate than 0; masked and calibrated say what is left behind the refusals.";
}

std::string share_cell(const std::optional<double>& share) {
  return number_cell(share ? share_text(*share) : "");
}

std::string bounds_cells(const std::optional<spankey::interval>& bounds) {
  if (!bounds) return number_cell("") + number_cell("");
  return number_cell(share_text(bounds->low)) + number_cell(share_text(bounds->high));
}
