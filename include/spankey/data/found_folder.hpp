// Folders of data sets as people have them: which of several a data set lies in, and one line on what lies there instead.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "spankey/core/shell_word.hpp"

namespace spankey {

/// Names in a folder in order, folders with a slash behind; empty where it is none or cannot be read.
inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    std::error_code ignored;
    names.push_back(entry->path().filename().string() + (entry->is_directory(ignored) ? "/" : ""));
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// "a/, b and 7 more", "nothing", "no folder", "a file, no folder".
inline std::string what_lies_in(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    return std::filesystem::exists(folder, ignored) ? "a file, no folder" : "no such folder";
  constexpr std::size_t most = 8;
  const std::vector<std::string> names = names_in(folder);
  std::string text;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return names.empty() ? "nothing" : text;
}

/// How to get at what is in an archive, as a command; empty where `name` is none.
inline std::string how_to_unpack(const std::filesystem::path& folder, const std::string& name) {
  const std::string file = shell_word((folder / name).string()), into = shell_word(folder.string());
  for (const char* end : {".tar.gz", ".tgz", ".tar"})
    if (name.ends_with(end)) return "tar -xf " + file + " -C " + into;
  return name.ends_with(".zip") ? "unzip " + file + " -d " + into : "";
}

/// "; unpack it: COMMAND" for the first archive in a folder, or for the archive that was named instead of a folder.
inline std::string archive_advice(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::string command;
  if (std::filesystem::is_regular_file(folder, ignored)) {
    const auto parent = folder.has_parent_path() ? folder.parent_path() : std::filesystem::path(".");
    command = how_to_unpack(parent, folder.filename().string());
  }
  for (const std::string& name : names_in(folder))
    if (command.empty()) command = how_to_unpack(folder, name);
  return command.empty() ? "" : "; unpack it: " + command;
}

/// "a/, b/ or c/ in ROOT, or in ROOT itself": where something was looked for.
inline std::string places_below(const std::filesystem::path& root, const std::vector<const char*>& folders) {
  std::string text;
  for (std::size_t i = 0; i < folders.size(); ++i)
    text += std::string(i == 0 ? "" : i + 1 < folders.size() ? ", " : " or ") + folders[i] + "/";
  return text + " of " + root.string() + ", or in that folder itself";
}

/// The first of ROOT/folder..., then ROOT itself, of which `holds` says that the data set is there; empty where none does.
template <class Holds>
std::filesystem::path folder_that(const std::filesystem::path& root, const std::vector<const char*>& folders,
                                  Holds holds) {
  for (const char* folder : folders)
    if (holds(root / folder)) return root / folder;
  return holds(root) ? root : std::filesystem::path();
}

/// Where it looks as if the data set had been put: the first of ROOT/folder... that is there, else ROOT.
inline std::filesystem::path likely_folder(const std::filesystem::path& root,
                                           const std::vector<const char*>& folders) {
  std::error_code ignored;
  for (const char* folder : folders)
    if (std::filesystem::is_directory(root / folder, ignored)) return root / folder;
  return root;
}

}  // namespace spankey
