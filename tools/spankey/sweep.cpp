#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "experiment.hpp"
#include "gate_requirement.hpp"
#include "json_text.hpp"
#include "output_file.hpp"
#include "proposed_command.hpp"
#include "run_folder.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/folder_lock.hpp"
#include "stop_signal.hpp"
#include "sweep_results.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;

constexpr const char* result_names[] = {"results.json", "results.csv", "results.md"};

// The sweep's folder: new, or one of the same experiment, which goes on. It is this process's while the lock lives.
spankey::folder_lock open_folder(const fs::path& folder, const std::string& text) {
  const fs::path own = folder / "experiment.json";
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) fail("sweep.103", folder.string(), "cannot be created: ", code.message());
  spankey::folder_lock lock(folder.string());
  const bool goes_on = fs::exists(own, code);
  if (goes_on && text_of_file(own.string(), "sweep.102", config_cap) != text)
    fail("sweep.102", folder.string(), "holds another experiment; expected a new folder or this one's");
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!goes_on && !is_abandoned(entry.path()))
      fail("sweep.102", folder.string(), "is there already and is no sweep; expected a new folder");
  }
  for (const char* name : result_names) require_output("--out", (folder / name).string());
  remove_abandoned(folder.string());
  if (!goes_on) spankey::write_file_atomically(own.string(), text, spankey::file_mode::shared);
  return lock;
}

// Writes all three files; the table is also for the terminal.
std::string write_results(const experiment& what, const fs::path& folder) {
  const nlohmann::json results = collect_results(what, folder);
  const std::string table = results_as_markdown(results);
  const auto write = [&](const char* name, const std::string& text) {
    spankey::write_file_atomically((folder / name).string(), text, spankey::file_mode::shared);
  };
  write("results.csv", results_as_csv(results, what, folder));
  write("results.md", table);
  write("results.json", results.dump(2) + "\n");
  return table;
}

}  // namespace

int sweep(const sweep_options& request) {
  const std::string text = text_of_file(request.file, "sweep.101", config_cap);
  const experiment what = parse_experiment(text, request.file);
  for (std::size_t row = 0; row < what.rows.size(); ++row)
    (void)gate_requirements(request.require, what.options(row, what.seeds.front()));
  const fs::path folder(request.out);
  const spankey::folder_lock lock = open_folder(folder, text);
  const std::string go_on = "; go on with: " + sweep_command(request) + "\n";
  const last_words words("\nstopped by a signal" + go_on);
  const std::size_t cells = what.rows.size() * what.seeds.size();
  std::size_t number = 0;
  int gates = 0;  // gate_fails where one of them did not keep what was required
  for (std::size_t row = 0; row < what.rows.size(); ++row) {
    for (const std::uint64_t seed : what.seeds) {
      run_options options = what.options(row, seed);
      options.data_root = request.data_root;
      options.checkpoint_seconds = request.checkpoint_seconds;
      options.require = request.require;
      options.out = (folder / "cells" / what.cell(row, seed)).string();
      ++number;
      std::error_code code;
      if (fs::exists(fs::path(options.out) / "metrics.json", code)) {
        // Killed right after its last file, a cell still holds what it could have gone on from.
        spankey::checkpoint_series(options.out).clear();
        if (const int status = gate_status(options, options.out + "/metrics.json"); status != 0)
          gates = status;
        continue;
      }
      std::printf("cell %zu/%zu: %s, seed %llu\n", number, cells, what.rows[row].name.c_str(),
                  static_cast<unsigned long long>(seed));
      if (const int status = train_or_continue(options); status == gate_fails) {
        gates = status;
      } else if (status != 0) {
        std::printf("\nstopped by a signal, and saved%s", go_on.c_str());
        return status;
      }
      std::printf("%s\n", write_results(what, folder).c_str());
    }
  }
  write_results(what, folder);
  std::printf("%zu of %zu cells finished; wrote %s/: results.json results.csv results.md\n", number, cells,
              folder.c_str());
  return gates;
}
