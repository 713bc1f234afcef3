#include "condition_view.hpp"

#include <algorithm>

#include "html_text.hpp"

std::size_t condition_colour(const std::vector<condition_result>& conditions, std::size_t index) {
  if (!conditions[index].invalid) return conditions[index].name == "no key" ? 0 : 1;
  std::size_t family = 0;
  for (std::size_t i = 0; i < index; ++i) family += conditions[i].invalid ? 1 : 0;
  return 2 + family;
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

bool has_figure(const std::vector<condition_result>& conditions, spankey::figure f) {
  return std::any_of(conditions.begin(), conditions.end(), [&](const condition_result& condition) {
    return condition.figures[static_cast<std::size_t>(f)] || published_of(condition, f);
  });
}

std::string share_cell(const std::optional<double>& share) {
  return number_cell(share ? share_text(*share) : "");
}

std::string bounds_cells(const std::optional<spankey::interval>& bounds) {
  if (!bounds) return number_cell("") + number_cell("");
  return number_cell(share_text(bounds->low)) + number_cell(share_text(bounds->high));
}
