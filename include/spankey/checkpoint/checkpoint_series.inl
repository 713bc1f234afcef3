// What checkpoint/checkpoint_series.hpp declares.
#pragma once

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <system_error>

#include "spankey/checkpoint/checkpoint_series.hpp"

namespace spankey {

std::vector<std::uint64_t> checkpoints_in(const std::string& folder) {
  constexpr std::string_view prefix = "checkpoint-", suffix = ".safetensors";
  std::vector<std::uint64_t> found;
  // Not std::filesystem's: GNU's ends the program where there is no memory for it.
  DIR* const listing = ::opendir(folder.c_str());
  if (listing == nullptr)
    fail("checkpoint.105", printable(folder), "cannot be listed: ", std::generic_category().message(errno));
  const std::unique_ptr<DIR, int (*)(DIR*)> closes(listing, &::closedir);
  for (errno = 0; const dirent* entry = ::readdir(listing); errno = 0) {
    const std::string_view name = entry->d_name;
    if (name.size() < prefix.size() + 12 + suffix.size()) continue;
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    std::uint64_t steps = 0;
    const char* const end = name.data() + name.size() - suffix.size();
    const auto [stop, bad] = std::from_chars(name.data() + prefix.size(), end, steps);
    if (bad == std::errc{} && stop == end) found.push_back(steps);
  }
  if (errno != 0)
    fail("checkpoint.105", printable(folder), "cannot be listed: ", std::generic_category().message(errno));
  std::sort(found.rbegin(), found.rend());
  return found;
}

std::string checkpoint_file(const std::string& folder, std::uint64_t steps) {
  const std::string digits = std::to_string(steps);
  return folder + "/checkpoint-" + std::string(12 - std::min<std::size_t>(12, digits.size()), '0') + digits +
         ".safetensors";
}

}  // namespace spankey
