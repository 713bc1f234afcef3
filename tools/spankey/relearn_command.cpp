#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "json_text.hpp"
#include "processes.hpp"
#include "program_command.hpp"
#include "relearn.hpp"
#include "run_folder.hpp"
#include "settings.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

namespace {

// Of an earlier attack with the same budget: it says nothing about another one.
std::vector<known_floor> floors_of(const relearn_options& request) {
  std::vector<known_floor> found;
  if (request.floors.empty()) return found;
  const auto all = ::json_of<nlohmann::json>(text_of_file(request.floors, "flag.190", results_cap),
                                             request.floors, "flag.190");
  try {
    if (all.at("updates") != request.updates || all.at("rates") != request.rates ||
        all.at("augment") != request.augment || all.at("test-limit") != request.test_limit)
      spankey::fail("flag.191", "--floors", "'", spankey::printable(request.floors),
                    "' has those of other updates, rates, test images or augmentation");
    for (const nlohmann::json& row : all.at("rows"))
      if (row.contains("floor")) found.push_back({row.at("samples"), row.at("seed"), row.at("floor")});
  } catch (const nlohmann::json::exception&) {
    spankey::fail("flag.190", "--floors", "'", spankey::printable(request.floors),
                  "' is not what an attack wrote");
  }
  return found;
}

// What the attacker gained of what there was to gain.
double gain(const relearn_report& report, const relearn_row& row) {
  const double whole = report.open - row.floor;
  return whole > 0 ? (row.accuracy - row.floor) / whole : 0;
}

nlohmann::json results_of(const relearn_report& report, const relearn_options& request) {
  nlohmann::json rows = nlohmann::json::array();
  for (const relearn_row& row : report.rows) {
    rows.push_back({{"what", row.what}, {"seed", row.seed}, {"accuracy", row.accuracy}});
    if (row.is_estimate()) {
      rows.back()["unlabelled"] = row.samples;
      if (!row.errors.empty()) rows.back()["errors"] = row.errors;
      continue;
    }
    rows.back()["samples"] = row.samples;
    rows.back()["floor"] = row.floor;
    rows.back()["rate"] = row.rate;
    if (!request.open.empty()) rows.back()["gain"] = gain(report, row);
  }
  nlohmann::json all = {{"closed", report.closed},
                        {"insert", request.insert},
                        {"updates", request.updates},
                        {"rates", request.rates},
                        {"batch-statistics", request.statistics},
                        {"start", request.start},
                        {"unlabelled", request.unlabelled},
                        {"recalibrate", request.recalibrate},
                        {"orthogonal", request.orthogonal},
                        {"train-norms", request.norms},
                        {"augment", request.augment},
                        {"test-limit", request.test_limit},
                        {"rows", rows}};
  if (!request.open.empty()) all["open"] = report.open;
  return all;
}

std::string mean_and_range(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number;
  const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3f (%.3f to %.3f)", sum / static_cast<double>(numbers.size()),
                *least, *most);
  return text.data();
}

void declare_relearn_flags(flag_set& flags, relearn_options& request) {
  flags.add_option("--run", request.run, "run folder, finished: locked, or with a gate")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--open", request.open, "run folder of the same network without its lock: for the gain")
      ->check(path_text("FOLDER"));
  flags.add_option("--samples", request.samples, "labelled training samples that the attacker has")
      ->check(from_to<std::int64_t>(1, 1 << 30));
  flags
      .add_option(
          "--what", request.what,
          "what is done: with labels maps are learnt that are put where the secret acted, all at once (maps) "
          "or "
          "first one layer after another (layerwise), or all weights are (everything); without labels maps "
          "are "
          "estimated from spectra (spectral), or also from the means and variances of batch norms (moments)")
      ->check(one_of(relearn_targets));
  flags
      .add_option("--layers", request.layers,
                  "the layers that are locked (default: those that the run's lock names, or all that can be)")
      ->check(any_text("NAME"));
  flags
      .add_option("--unlabelled", request.unlabelled,
                  "training samples whose labels the attacker does not need")
      ->check(from_to<std::int64_t>(1, 1 << 30));
  flags
      .add_option("--start", request.start,
                  "where maps that are learnt begin: identity, or an estimate without labels")
      ->check(one_of(start_names));
  flags.add_option("--estimate-steps", request.steps, "moments: at most so many steps for a map")
      ->check(from_to<std::uint64_t>(1, 1 << 30));
  flags.add_flag(
      "--recalibrate", request.recalibrate,
      "batch norms take their statistics from the unlabelled samples before anything is learnt or asked");
  flags.add_flag("--orthogonal", request.orthogonal, "maps stay rotations while they are learnt");
  flags.add_flag("--train-norms", request.norms,
                 "where maps are learnt, scales and shifts of batch norms are, too");
  flags.add_flag("--permuted", request.permuted, "estimates: the maps are known to be signed permutations");
  flags.add_flag("--augment", request.augment,
                 "training images are shifted by up to 2 pixels and mirrored, the floor's as well");
  flags
      .add_option("--floors", request.floors,
                  "relearn.json of the same budget, whose floors are not found again")
      ->check(path_text("FILE"));
  flags
      .add_option(
          "--insert", request.insert,
          "the maps: stitch (a matrix over the channels), affine (a factor and a shift a channel), or "
          "accessory (a block of two matrices)")
      ->check(one_of(inserted_names));
  flags
      .add_option("--batch-statistics", request.statistics,
                  "batch norms meanwhile: as handed out (running), or of the attacker's batches")
      ->check(allowed_for("batch-statistics"));
  flags.add_option("--rates", request.rates, "learning rates of Adam, of which the best one counts")
      ->check(from_to(1e-9, 1e3));
  flags.add_option("--updates", request.updates, "updates at each rate")
      ->check(from_to<std::uint64_t>(1, 1 << 30));
  flags.add_option("--seeds", request.seeds, "draws of the attacker's samples")
      ->check(from_to<std::uint64_t>(1, 1000));
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags.add_option("--test-limit", request.test_limit, "first test samples only, 0: all")
      ->check(allowed_for("test-limit"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
  flags.add_option("--out", request.out, "results (default: RUN/relearn.json)")->check(path_text("FILE"));
}

}  // namespace

int relearn_run(const relearn_options& request) {
  require_alone("relearn");
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
  if (request.insert != "stitch" &&
      (request.start != "identity" || request.orthogonal ||
       !std::all_of(request.what.begin(), request.what.end(),
                    [](const std::string& what) { return what == "maps" || what == "everything"; })))
    spankey::fail("flag.194", "--insert", "'", request.insert,
                  "' has no matrix to estimate, to begin at, or to keep orthogonal; expected stitch");
  std::printf("%-10s %8s %5s %8s %8s %8s %6s\n", "what", "samples", "seed", "floor", "relearn", "rate",
              request.open.empty() ? "" : "gain");
  const relearn_report found = relearn_on_cpu(
      options, request, floors_of(request), [&](const relearn_report& report, const relearn_row& row) {
        std::printf("%-10s %8lld %5llu ", row.what.c_str(), static_cast<long long>(row.samples),
                    static_cast<unsigned long long>(row.seed));
        if (row.is_estimate())
          std::printf("%8s %8.4f", "-", row.accuracy);
        else
          std::printf("%8.4f %8.4f %8g", row.floor, row.accuracy, row.rate);
        if (row.is_estimate() && !row.errors.empty())
          std::printf("   error of the maps: %s", mean_and_range(row.errors).c_str());
        if (!row.is_estimate() && !request.open.empty()) std::printf(" %6.2f", gain(report, row));
        std::printf("\n");
        std::fflush(stdout);
      });
  std::printf("as it is handed out: %.4f", found.closed);
  if (!request.open.empty()) std::printf("; open: %.4f", found.open);
  std::printf("\n");
  const std::string out =
      request.out.empty() ? (fs::path(request.run) / "relearn.json").string() : request.out;
  spankey::write_file_atomically(out, results_of(found, request).dump(2) + "\n", spankey::file_mode::shared);
  std::printf("wrote %s\n", spankey::printable(out).c_str());
  return 0;
}

program_command relearn_entry() {
  return plain<relearn_options, declare_relearn_flags, relearn_run>(
      "relearn", "what somebody makes of a run's weights with a few labelled samples");
}
