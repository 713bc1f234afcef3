// The folder of a run: made once, and found again where an interrupted run goes on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "commands.hpp"
#include "run_options.hpp"
#include "spankey/file/folder_lock.hpp"
#include "spankey/key/sampler.hpp"

/// Fails with flag.110 where --out names a folder that holds something: nobody's run is overwritten.
void require_free(const std::string& out);

/// True for an unfinished file that a killed write_file_atomically left.
bool is_abandoned(const std::filesystem::path& file);

/// Removes such files from a folder, if it is there.
void remove_abandoned(const std::string& folder);

/// The config.json of a run. Fails with config.1xx.
run_options read_config(const std::string& file);

/// Says in a line on stderr that a run's weights are locked, where they are.
/// Fails as safetensors_file::open does.
void report_lock(const std::string& run);

/// A run's keys, at the sites of its config.json. Fails with config.107.
spankey::key_space read_keys(const run_options& options, const std::string& file);

/// The folder that will hold --out, or --out itself: where its free space is.
std::string existing_folder_of(const std::string& out);

class run_folder {
 public:
  /// --out, or the first free runs/<what it is>[-n]; empty, with config.json in it, and locked. With may_continue and
  /// resumed a folder of the same configuration is taken as it is, if it can go on, else what an interrupted run left
  /// is removed, but for its keys. Fails with flag.110, flag.111, io.122 where another process is at work in it.
  run_folder(const run_options& options, start_of_run start);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }
  [[nodiscard]] bool has(const char* name) const;
  void remove(const char* name) const;

 private:
  void take(const std::string& path);

  std::string path_;
  std::optional<spankey::folder_lock> lock_;
};
