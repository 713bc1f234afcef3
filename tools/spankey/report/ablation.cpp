#include "ablation.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "spankey/core/finite.hpp"

namespace {

std::optional<double> as_number(const std::string& text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !spankey::is_finite(value))
    return std::nullopt;
  return value;
}

// Rows by all their options but `flag`.
std::map<shown_settings, std::vector<ablation::entry>> grouped(const std::vector<sweep_row>& rows,
                                                               const std::string& flag) {
  std::map<shown_settings, std::vector<ablation::entry>> groups;
  for (const sweep_row& row : rows) {
    shown_settings others = row.options;
    std::sort(others.begin(), others.end());
    const auto is_flag = [&](const auto& option) { return option.first == flag; };
    const auto own = std::find_if(others.begin(), others.end(), is_flag);
    if (own == others.end()) continue;
    const std::string value = own->second;
    others.erase(own);
    groups[others].push_back({value, as_number(value).value_or(0), &row});
  }
  return groups;
}

}  // namespace

std::vector<ablation> find_ablations(const std::vector<sweep_row>& rows) {
  std::vector<std::string> flags;
  for (const sweep_row& row : rows)
    for (const auto& [name, value] : row.options)
      if (std::find(flags.begin(), flags.end(), name) == flags.end()) flags.push_back(name);

  std::vector<ablation> found;
  for (const std::string& flag : flags) {
    for (auto& [others, entries] : grouped(rows, flag)) {
      std::set<std::string> values;
      for (const auto& entry : entries) values.insert(entry.value);
      const bool is_number =
          flag != "sites" && std::all_of(values.begin(), values.end(),
                                         [](const auto& value) { return as_number(value).has_value(); });
      if (values.size() < 2 || (!is_number && flag != "sites")) continue;
      std::stable_sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
        return is_number
                   ? a.number < b.number
                   : std::make_tuple(a.value.size(), a.value) < std::make_tuple(b.value.size(), b.value);
      });
      found.push_back({flag, is_number, std::move(entries)});
    }
  }
  return found;
}
