#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "commands.hpp"
#include "convert_flags.hpp"
#include "experiment.hpp"
#include "gate_requirement.hpp"
#include "json_text.hpp"
#include "output_file.hpp"
#include "program_command.hpp"
#include "proposed_command.hpp"
#include "run_folder.hpp"
#include "settings.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/lease.hpp"
#include "stop_signal.hpp"
#include "sweep_results.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;

constexpr const char* result_names[] = {"results.json", "results.csv", "results.md"};

// The sweep's folder: new, or one of the same experiment, at which other processes may be at work.
void open_folder(const fs::path& folder, const std::string& text) {
  const fs::path own = folder / "experiment.json";
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) fail("sweep.103", folder.string(), "cannot be created: ", code.message());
  if (!fs::exists(own, code)) {
    for (const auto& entry : fs::directory_iterator(folder))
      if (!is_abandoned(entry.path()) && !fs::exists(own, code))
        fail("sweep.102", folder.string(), "is there already and is no sweep; expected a new folder");
    spankey::create_file_once(own.string(), text);
  }
  if (text_of_file(own.string(), "sweep.102", config_cap) != text)
    fail("sweep.102", folder.string(), "holds another experiment; expected a new folder or this one's");
  for (const char* name : result_names) require_output("--out", (folder / name).string());
}

// Listed, not looked up by name: a folder of another machine is then asked, not remembered.
bool is_finished(const fs::path& cell) {
  std::error_code code;
  for (fs::directory_iterator entry(cell, code), end; !code && entry != end; entry.increment(code))
    if (entry->path().filename() == "metrics.json") return true;
  return false;
}

// Writes all three files; the table is also for the terminal.
std::string write_results(const experiment& what, const fs::path& folder) {
  remove_abandoned(folder.string());
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

struct sweep_cell {
  run_options options;
  std::string name, title;
};

// A sweep as one of the processes that share its folder sees it: DIR/leases/CELL says who trains a cell, DIR/leases/results
// who writes the results.
class shared_sweep {
 public:
  shared_sweep(const experiment& what, const sweep_options& request)
      : what_(what), folder_(request.out), stale_after_(request.stale_after) {
    const std::size_t cells = what.rows.size() * what.seeds.size();
    for (std::size_t row = 0; row < what.rows.size(); ++row)
      for (const std::uint64_t seed : what.seeds) {
        run_options options = what.options(row, seed);
        options.data_root = request.data_root;
        options.checkpoint_seconds = request.checkpoint_seconds;
        options.require = request.require;
        const std::string name = what.cell(row, seed);
        options.out = (folder_ / "cells" / name).string();
        left_.push_back({options, name,
                         "cell " + std::to_string(left_.size() + 1) + "/" + std::to_string(cells) + ": " +
                             what.rows[row].name + ", seed " + std::to_string(seed)});
      }
  }

  shared_sweep(const shared_sweep&) = delete;
  shared_sweep& operator=(const shared_sweep&) = delete;
  ~shared_sweep() {
    std::error_code code;
    fs::remove(folder_ / "leases", code);  // where nobody has one
  }

  [[nodiscard]] std::size_t left() const { return left_.size(); }
  /// gate_fails where a gate did not keep what was required.
  [[nodiscard]] int gates() const { return gates_; }

  /// Trains what no other process is at work on. The status of a signal that ended it, or 0.
  int train_cells() {
    for (std::size_t i = 0; i < left_.size();) {
      const sweep_cell& cell = left_[i];
      if (!is_finished(cell.options.out)) {
        const auto mine = lease_of(cell.name);
        if (!mine) {
          ++i;
          continue;
        }
        if (!is_finished(cell.options.out)) {
          std::printf("%s\n", cell.title.c_str());
          const int status = train_or_continue(cell.options);
          if (status != 0 && status != gate_fails) return status;
          if (status == gate_fails) gates_ = status;
          left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(i));
          write_results(true);
          continue;
        }
      }
      // Killed right after its last file, a cell still holds what it could have gone on from.
      spankey::checkpoint_series(cell.options.out).clear();
      if (const int status = gate_status(cell.options, cell.options.out + "/metrics.json"); status != 0)
        gates_ = status;
      left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return 0;
  }

  /// While a process is at work on it another one may leave the results alone, but for the last time.
  bool write_results(bool says_so) {
    const auto mine = lease_of("results");
    if (!mine) return false;
    const std::string table = ::write_results(what_, folder_);
    if (says_so) std::printf("%s\n", table.c_str());
    return true;
  }

  /// What killed processes left of leases, where nothing is left to do.
  void clear_leases() {
    std::error_code code;
    for (fs::directory_iterator entry(folder_ / "leases", code), end; !code && entry != end;
         entry.increment(code))
      if (!entry->path().filename().string().starts_with("results")) fs::remove(entry->path(), code);
  }

 private:
  std::optional<spankey::lease> lease_of(const std::string& name) {
    const std::string path = (folder_ / "leases" / name).string();
    return spankey::lease::take(path, stale_after_, watch_, [path] {
      std::fprintf(
          stderr,
          "[spankey.sweep.106] %s: another process took this one for dead, which did not renew it in "
          "time; this one ends\n",
          spankey::printable(path).c_str());
      ::_exit(2);
    });
  }

  const experiment& what_;
  fs::path folder_;
  double stale_after_;
  std::vector<sweep_cell> left_;
  spankey::lease_watch watch_;
  int gates_ = 0;
};

void declare_sweep_flags(flag_set& flags, sweep_options& request) {
  flags.add_option("FILE", request.file, "experiment (examples/experiments)")
      ->check(path_text("FILE"))
      ->required();
  flags.add_option("--out", request.out, "folder of the sweep: new, or of the same experiment")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
  declare_checkpoint_seconds_flag(flags, request.checkpoint_seconds);
  flags
      .add_option(
          "--stale-after", request.stale_after,
          "seconds without a sign of life after which another process of this sweep takes over the cell "
          "that this one is at work on")
      ->check(from_to(0.1, 1e6));
  declare_require_flag(flags, request.require);
}

}  // namespace

int sweep(const sweep_options& request) {
  const std::string text = text_of_file(request.file, "sweep.101", config_cap);
  const experiment what = parse_experiment(text, request.file);
  for (std::size_t row = 0; row < what.rows.size(); ++row)
    (void)gate_requirements(request.require, what.options(row, what.seeds.front()));
  const fs::path folder(request.out);
  open_folder(folder, text);
  const std::string go_on = "; go on with: " + sweep_command(request) + "\n";
  const last_words words("\nstopped by a signal" + go_on);
  const auto wait = [&] {
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(0.5, request.stale_after / 4)));
  };
  shared_sweep own(what, request);
  const std::size_t cells = own.left();
  for (std::size_t waits_for = 0; own.left() > 0;) {
    if (const int status = own.train_cells(); status != 0) {
      std::printf("\nstopped by a signal, and saved%s", go_on.c_str());
      return status;
    }
    if (own.left() == 0) break;
    if (own.left() != waits_for)
      std::printf("waiting for %zu cells that other processes are at work on\n", own.left());
    waits_for = own.left();
    wait();
  }
  while (!own.write_results(false)) wait();
  own.clear_leases();
  std::printf("%zu of %zu cells finished; wrote %s/: results.json results.csv results.md\n", cells, cells,
              folder.c_str());
  return own.gates();
}

program_command sweep_entry() {
  return plain<sweep_options, declare_sweep_flags, sweep>(
      "sweep", "run a file of experiments; interrupted, go on where it stopped");
}
