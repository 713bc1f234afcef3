// Names of enumerators, as configuration files and command lines spell them: one table per enum, both ways.
//
// choose() turns a name into its value and refuses any other name with the list of what is allowed.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/error.hpp"

namespace spankey {

template <class Enum>
struct choice {
  std::string_view name;
  Enum value;
};

/// Every name, in the order of the table.
template <class Enum, std::size_t N>
std::vector<std::string> names_of(const std::array<choice<Enum>, N>& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.emplace_back(entry.name);
  return names;
}

/// Value called `name`; fails with `id` where the table has no such name. `where` says what is being chosen.
template <class Enum, std::size_t N>
Enum choose(const std::array<choice<Enum>, N>& table, std::string_view name, std::string_view id,
            std::string_view where) {
  for (const auto& entry : table) {
    if (entry.name == name) return entry.value;
  }
  std::string allowed;
  for (const std::string& each : names_of(table)) allowed += (allowed.empty() ? "" : ", ") + each;
  fail(id, where, "found '", name, "', expected one of: ", allowed);
}

/// Name of `value`; every enumerator has a row in its table.
template <class Enum, std::size_t N>
constexpr std::string_view spelled(const std::array<choice<Enum>, N>& table, Enum value) {
  for (const auto& entry : table) {
    if (entry.value == value) return entry.name;
  }
  return "unknown";
}

}  // namespace spankey
