#include "run_folder.hpp"

#include <algorithm>
#include <cstdio>

#include "data_sets.hpp"
#include "json_text.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/checkpoint/gate_note.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/folder_room.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/safetensors.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;

std::string text_of_config(const run_options& options) { return to_json(options).dump(2) + "\n"; }

std::string new_folder(const run_options& options) {
  std::error_code code;
  if (!options.out.empty()) {
    require_free(options.out);
    fs::create_directories(options.out, code);
    if (code) fail("flag.111", "--out", "cannot create '", options.out, "': ", code.message());
    return options.out;
  }
  const std::string base = "runs/" + options.data + "-" + options.inject + "-" + options.deny;
  for (int n = 1;; ++n) {
    const std::string folder = n == 1 ? base : base + "-" + std::to_string(n);
    fs::create_directories("runs", code);
    if (!code && fs::create_directory(folder, code)) return folder;
    if (code || n == 10000) fail("flag.111", "--out", "cannot create '", folder, "'; name a folder");
  }
}

}  // namespace

void require_free(const std::string& out) {
  std::error_code code;
  if (fs::exists(out, code) && (!fs::is_directory(out, code) || !fs::is_empty(out, code)))
    fail("flag.110", "--out", "'", out, "' is there already; expected a new or an empty folder");
}

run_options read_config(const std::string& file) {
  run_options options = from_json(
      json_of<nlohmann::json>(text_of_file(file, "config.104", config_cap), file, "config.105"), file);
  if (!facts_of(options).known())
    fail("config.111", file, "has no entries 'sample' and 'classes', which a run with data ", options.data,
         " has");
  return options;
}

void report_lock(const std::string& run) {
  const auto weights = spankey::safetensors_file::open((fs::path(run) / "weights.safetensors").string());
  const auto lock = weights.metadata().find(spankey::locked_entry);
  if (lock == weights.metadata().end()) return;
  std::fprintf(stderr,
               "--run: the weights in '%s' are locked (%s): without their key they do not answer as trained; "
               "spankey unlock gives them back\n",
               spankey::printable(run).c_str(), spankey::printable(lock->second).c_str());
}

spankey::key_space read_keys(const run_options& options, const std::string& file) {
  spankey::key_space keys = spankey::load_key_space(file);
  const bool same =
      std::equal(keys.sites().begin(), keys.sites().end(), options.sites.begin(), options.sites.end(),
                 [](const spankey::site& s, int number) { return s.number == number; });
  if (!same) fail("config.107", file, "has keys for other sites than the run's config.json");
  return keys;
}

bool is_abandoned(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with(".spankey-") && name.ends_with(".tmp");
}

void remove_abandoned(const std::string& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) return;
  for (const auto& entry : fs::directory_iterator(folder))  // with `code`, GNU's aborts where memory is short
    if (is_abandoned(entry.path())) fs::remove(entry.path(), code);
}

std::string existing_folder_of(const std::string& out) {
  std::error_code code;
  fs::path folder = fs::absolute(out.empty() ? "runs" : out, code);
  while (!fs::is_directory(folder, code) && folder.has_relative_path()) folder = folder.parent_path();
  return folder.string();
}

run_folder::run_folder(const run_options& options, start_of_run start) {
  std::error_code code;
  if (start != start_of_run::fresh && fs::is_directory(options.out, code)) {
    take(options.out);
    remove_abandoned(path_);
    spankey::require_writable(path_);
    if (has("config.json")) {
      // A run that is resumed has read its options from there.
      if (start == start_of_run::may_continue &&
          text_of_file(file("config.json"), "config.104", config_cap) != text_of_config(options))
        fail("flag.110", "--out", "'", options.out, "' holds a run with another configuration");
      if (!spankey::checkpoints_in(path_).empty()) return;
      // Interrupted before its first checkpoint: it begins again, with the same keys.
      for (const char* name : {"log.jsonl", "weights.safetensors"}) remove(name);
      return;
    }
  }
  if (!lock_) take(new_folder(options));
  require_free(path_);  // the lock came after the folder
  spankey::write_file_atomically(file("config.json"), text_of_config(options), spankey::file_mode::shared);
}

void run_folder::take(const std::string& path) {
  path_ = path;
  lock_.emplace(path);
}

bool run_folder::has(const char* name) const {
  std::error_code code;
  return fs::exists(file(name), code);
}

void run_folder::remove(const char* name) const {
  std::error_code code;
  fs::remove(file(name), code);
  if (code) fail("flag.111", file(name), "cannot be removed: ", code.message());
}
