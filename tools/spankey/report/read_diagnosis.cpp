#include "read_diagnosis.hpp"

#include <algorithm>

#include "json_file.hpp"

namespace {

constexpr std::size_t most_groups = 10;

turned_answers read_turned(const json_entry& entry, const std::string& base) {
  turned_answers found{base, entry.at("predicted").share(), entry.at("measured").share(), {}};
  std::vector<std::array<double, 2>> samples;
  for (const json_entry& p : entry.at("predictions").elements()) samples.push_back({p.share(), 0});
  const std::vector<json_entry> turned = entry.at("turned").elements();
  if (turned.size() != samples.size())
    entry.at("turned").refuse("an array of " + std::to_string(samples.size()) +
                              ", as many as there are predictions");
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i][1] = turned[i].share();
  std::sort(samples.begin(), samples.end());
  const std::size_t groups = std::min(most_groups, samples.size());
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t begin = samples.size() * g / groups, end = samples.size() * (g + 1) / groups;
    std::array<double, 2> mean{};
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t k = 0; k < 2; ++k) mean[k] += samples[i][k] / static_cast<double>(end - begin);
    found.groups.push_back(mean);
  }
  return found;
}

}  // namespace

std::vector<turned_answers> read_diagnosis(const std::string& file) {
  const json_value value = parse_json(read_text(file), file);
  const json_entry margins = json_entry(value, file).at("margins");
  return {read_turned(margins.at("valid_key"), "valid keys"), read_turned(margins.at("zero_key"), "no key")};
}
