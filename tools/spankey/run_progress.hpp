// How far a run is: its checkpoints, and what they say beside the model's state.
//
// A checkpoint notes the configuration, the data's checksum, the kernels, and where the log was: with all of that the run
// goes on as if it had never stopped. Keys and their seed are not among it (key_space.safetensors).
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "run_options.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/file/append_file.hpp"

class run_progress {
 public:
  run_progress(const std::string& folder, std::uint32_t data)
      : series(folder), folder_(folder), data_(data) {}

  /// The newest checkpoint that can be used, into `model`; the run's begin where there is none. What could not be used
  /// is said on stderr. Fails with checkpoint.107, config.109 another configuration, config.110 other data.
  template <class Model>
  spankey::training_position load(Model& model, const run_options& options) {
    const auto found = series.load(
        model, [&](const spankey::training_state& state) { accept(state, options); },
        options.nonfinite == "ignore" ? spankey::stored_numbers::any : spankey::stored_numbers::finite);
    if (!found) return {};
    for (const std::string& line : found->damaged)
      std::fprintf(stderr, "%s; going on from %s\n", line.c_str(), spankey::printable(found->file).c_str());
    report_other_kernels(found->state, options);
    log = mark_in(found->state);
    return found->state.at;
  }

  [[nodiscard]] spankey::safetensors_metadata notes(const run_options& options) const;

  spankey::checkpoint_series series;
  std::optional<spankey::file_mark> log;  // nothing: a new one

 private:
  void accept(const spankey::training_state& state, const run_options& options) const;
  static spankey::file_mark mark_in(const spankey::training_state& state);
  static void report_other_kernels(const spankey::training_state& state, const run_options& options);

  std::string folder_;
  std::uint32_t data_;
};
