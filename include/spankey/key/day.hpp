// A calendar day as a number, so that what has no calendar compares two of them: days since 1970-01-01, in UTC.
//
//   2027-01-31  <->  20849        by whole numbers alone (H. Hinnant, "chrono-compatible low-level date algorithms")
// 0 stands for "no day": of a key's end, that there is none; of a clock, that there is no clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "spankey/core/dialect.hpp"

namespace spankey {

using day_number = std::uint32_t;

/// The last day that has a text of ten letters: 9999-12-31.
inline constexpr day_number last_day = 2932896;

/// Of a day of the Gregorian calendar from 1970 on.
constexpr day_number day_of(std::uint32_t year, std::uint32_t month, std::uint32_t day) {
  const std::uint32_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
  const std::uint32_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/// "2027-01-31", without a zero behind it; of a day up to last_day.
constexpr std::array<char, 10> text_of_day(day_number number) {
  const std::uint32_t z = number + 719468, era = z / 146097, of_era = z - era * 146097;
  const std::uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint32_t shifted = (5 * of_year + 2) / 153, day = of_year - (153 * shifted + 2) / 5 + 1;
  const std::uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  const std::uint32_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const auto digit = [](std::uint32_t value, std::uint32_t unit) {
    return static_cast<char>('0' + value / unit % 10);
  };
  return {digit(year, 1000),
          digit(year, 100),
          digit(year, 10),
          digit(year, 1),
          '-',
          digit(month, 10),
          digit(month, 1),
          '-',
          digit(day, 10),
          digit(day, 1)};
}

/// Nothing where the text is no day of the calendar from 1970-01-02 to 9999-12-31.
constexpr std::optional<day_number> day_in(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  std::array<std::uint32_t, 3> parts{};
  constexpr std::array<std::size_t, 4> ends{4, 7, 10};
  std::size_t at = 0;
  for (std::size_t part = 0; part < 3; ++part, ++at) {
    for (; at < ends[part]; ++at) {
      if (text[at] < '0' || text[at] > '9') return std::nullopt;
      parts[part] = parts[part] * 10 + static_cast<std::uint32_t>(text[at] - '0');
    }
  }
  if (parts[0] < 1970 || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31) return std::nullopt;
  const day_number found = day_of(parts[0], parts[1], parts[2]);
  // The 31st of February has a number, too, which is another day's.
  const std::array<char, 10> again = text_of_day(found);
  if (std::string_view(again.data(), again.size()) != text || found == 0) return std::nullopt;
  return found;
}

}  // namespace spankey
