#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "attack.hpp"
#include "run_folder.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

namespace {

// What the attacker gained of what there was to gain.
double gain(const attack_report& report, const attack_row& row) {
  const double whole = report.open - row.floor;
  return whole > 0 ? (row.accuracy - row.floor) / whole : 0;
}

nlohmann::json json_of(const attack_report& report, const attack_options& request) {
  nlohmann::json rows = nlohmann::json::array();
  for (const attack_row& row : report.rows) {
    rows.push_back({{"what", row.what},
                    {"samples", row.samples},
                    {"seed", row.seed},
                    {"floor", row.floor},
                    {"accuracy", row.accuracy},
                    {"rate", row.rate}});
    if (!request.open.empty()) rows.back()["gain"] = gain(report, row);
  }
  nlohmann::json all = {{"closed", report.closed},
                        {"insert", request.insert},
                        {"updates", request.updates},
                        {"rates", request.rates},
                        {"batch-statistics", request.statistics},
                        {"rows", rows}};
  if (!request.open.empty()) all["open"] = report.open;
  return all;
}

}  // namespace

int attack(const attack_options& request) {
  namespace fs = std::filesystem;
  run_options options = read_config((fs::path(request.run) / "config.json").string());
  options.data_root = request.data_root;
  options.test_limit = request.test_limit;
  for (const std::string& run : {request.run, request.open})
    if (!run.empty() && !spankey::checkpoints_in(run).empty())
      spankey::fail("flag.163", "--run", "'", spankey::printable(run),
                    "' holds checkpoints: its training is not finished");
  if (!request.open.empty() &&
      read_config((fs::path(request.open) / "config.json").string()).model != options.model)
    spankey::fail("flag.166", "--open", "'", spankey::printable(request.open),
                  "' is a run of another network");
  std::printf("%-10s %8s %5s %8s %8s %8s %6s\n", "what", "samples", "seed", "floor", "attack", "rate",
              request.open.empty() ? "" : "gain");
  const attack_report found =
      attack_on_cpu(options, request, [&](const attack_report& report, const attack_row& row) {
        std::printf("%-10s %8lld %5llu %8.4f %8.4f %8g", row.what.c_str(),
                    static_cast<long long>(row.samples), static_cast<unsigned long long>(row.seed), row.floor,
                    row.accuracy, row.rate);
        if (!request.open.empty()) std::printf(" %6.2f", gain(report, row));
        std::printf("\n");
        std::fflush(stdout);
      });
  std::printf("as it is handed out: %.4f", found.closed);
  if (!request.open.empty()) std::printf("; open: %.4f", found.open);
  std::printf("\n");
  const std::string out =
      request.out.empty() ? (fs::path(request.run) / "attack.json").string() : request.out;
  spankey::write_file_atomically(out, json_of(found, request).dump(2) + "\n", spankey::file_mode::shared);
  std::printf("wrote %s\n", spankey::printable(out).c_str());
  return 0;
}
