#include "family_order.hpp"

#include <charconv>
#include <cstddef>
#include <tuple>

#include "spankey/key/invalid_family.hpp"

namespace {

std::size_t place_of(std::string_view family) {
  std::size_t place = 0;
  for (const auto& entry : spankey::invalid_names) {
    if (entry.name == family) break;
    ++place;
  }
  return place;
}

double number_behind(std::string_view name, std::size_t at) {
  double value = 0;
  if (at < name.size()) std::from_chars(name.data() + at + 1, name.data() + name.size(), value);
  return value;
}

}  // namespace

bool family_before(std::string_view a, std::string_view b) {
  const auto key = [](std::string_view name) {
    const std::size_t at = name.find('@');
    return std::tuple(place_of(name.substr(0, at)), number_behind(name, at), name);
  };
  return key(a) < key(b);
}
