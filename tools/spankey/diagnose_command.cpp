#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "diagnose.hpp"
#include "metrics_report.hpp"
#include "network.hpp"
#include "program_command.hpp"
#include "run_folder.hpp"
#include "settings.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

namespace {

using nlohmann::json;
using spankey::index_t;

// A gate that accepts a key where half of its energy or more lies in the span.
constexpr double half = 0.5;

// How many times as much of the squared gradient lies in the span as where every direction is heard alike.
double preference(const spankey::site_sensitivity& s) {
  const double inside = s.inside * s.inside, whole = inside + s.outside * s.outside;
  return whole > 0 ? inside / whole * static_cast<double>(s.size) / static_cast<double>(s.dimension)
                   : std::nan("");
}

json json_of(const spankey::margin_tail& tail) {
  json sites = json::array();
  for (const spankey::site_sensitivity& s : tail.sites)
    sites.push_back(
        {{"site", s.site}, {"inside", s.inside}, {"outside", s.outside}, {"preference", preference(s)}});
  return {{"deviation", tail.deviation}, {"margin", tail.margin},           {"right", tail.right},
          {"predicted", tail.predicted}, {"measured", tail.measured},       {"sites", sites},
          {"margins", tail.margins},     {"predictions", tail.predictions}, {"turned", tail.turned}};
}

json json_of(const diagnosis& found, index_t classes) {
  json energy = json::array();
  for (const site_energy& s : found.energy) {
    json keys = json::object();
    for (const energy_of_keys& k : s.keys)
      keys[k.kind] = {{"keys", k.split.keys},         {"mean", k.split.mean},
                      {"least", k.split.least},       {"most", k.split.most},
                      {"distance", k.split.distance}, {"limit", spankey::isotropic_limit(k.split.keys)}};
    energy.push_back({{"site", s.site}, {"dimension", s.dimension}, {"size", s.size}, {"keys", keys}});
    if (s.dimension < s.size)
      energy.back()["residual_gate_bits"] = spankey::residual_gate_bits(half, s.dimension, s.size);
  }
  return {{"energy", energy},
          {"margins",
           {{"valid_key", json_of(found.under_valid_keys)}, {"zero_key", json_of(found.under_zero_keys)}}},
          {"gate", to_json(found.gate, classes)}};
}

void print_energy(const std::vector<site_energy>& energy) {
  std::printf("Energy of keys in the span of valid ones; distance: from the law of isotropic keys\n\n");
  std::printf("site     m      d  keys                  mean    least     most  distance   limit\n");
  for (const site_energy& s : energy) {
    for (const energy_of_keys& k : s.keys)
      std::printf("%4d %5lld %6lld  %-18s %7.4f  %7.4f  %7.4f   %7.4f %7.4f\n", s.site,
                  static_cast<long long>(s.dimension), static_cast<long long>(s.size), k.kind.c_str(),
                  k.split.mean, k.split.least, k.split.most, k.split.distance,
                  spankey::isotropic_limit(k.split.keys));
    if (s.dimension < s.size)
      std::printf(
          "     a gate that asks for half of the energy in the span: %.1f bits against isotropic keys\n",
          spankey::residual_gate_bits(half, s.dimension, s.size));
  }
}

void print_margins(const char* under, const spankey::margin_tail& tail) {
  std::printf("\nMargins under %s, %zu samples: mean %.3f, %.4f right; noise of %.3g on the keys turns\n",
              under, tail.margins.size(), tail.margin, tail.right, tail.deviation);
  std::printf("  predicted %.4f, measured %.4f\n", tail.predicted, tail.measured);
  for (const spankey::site_sensitivity& s : tail.sites)
    std::printf(
        "  site %d: gradient in the span %.4g, outside %.4g: the span is heard %.3g times as well as any "
        "direction\n",
        s.site, s.inside, s.outside, preference(s));
}

void print_angles(const spankey::gate_report& gate) {
  using spankey::figure;
  std::printf(
      "\nAnswers as keys turn out of the span\n\n degrees   semantic   masked   calibrated   reject\n");
  const auto row = [](double angle, const spankey::condition_summary& c) {
    std::printf("%8.0f     %.4f   %.4f       %.4f   %.4f\n", angle, c[figure::semantic].mean,
                c[figure::masked].mean, c[figure::calibrated].mean, c[figure::reject].mean);
  };
  row(0, *gate.valid_key);
  for (const auto& invalid : gate.invalid_keys)
    if (invalid.rule.family == spankey::invalid_family::angle)
      row(static_cast<double>(invalid.rule.amount), invalid.summary);
}

void declare_diagnose_flags(flag_set& flags, diagnose_options& request) {
  flags.add_option("RUN", request.run, "run folder, finished, gated")->check(path_text("FOLDER"))->required();
  flags.add_option("--keys", request.keys, "keys of every kind whose energy is split")
      ->check(from_to<std::int64_t>(1, 1 << 20));
  flags.add_option("--samples", request.samples, "test samples whose margins are taken")
      ->check(count_from(1));
  flags.add_option("--draws", request.draws, "noises on the keys of a sample")
      ->check(from_to<std::int64_t>(1, 1 << 16));
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags
      .add_option("--test-limit", request.test_limit, "first test samples only, 0: all (default: the run's)")
      ->check(allowed_for("test-limit"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
  flags.add_option("--out", request.out, "results (default: RUN/diagnose.json)")->check(path_text("FILE"));
}

}  // namespace

int diagnose(const diagnose_options& request) {
  namespace fs = std::filesystem;
  run_options options = read_config((fs::path(request.run) / "config.json").string());
  options.data_root = request.data_root;
  if (request.test_limit > 0) options.test_limit = request.test_limit;
  if (!spankey::checkpoints_in(request.run).empty())
    spankey::fail("flag.163", "RUN", "'", spankey::printable(request.run),
                  "' holds checkpoints: its training is not finished");
  const diagnosis found = diagnose_on_cpu(options, request);
  print_energy(found.energy);
  print_margins("valid keys", found.under_valid_keys);
  print_margins("keys of zeros", found.under_zero_keys);
  print_angles(found.gate);
  const json all = json_of(found, classes_of(options));
  const json& absorption = all.at("gate").at("absorption");
  if (absorption.is_number())
    std::printf("\nabsorption index %.4f: 0 where Gaussian keys leave chance, 1 where the key is ignored\n",
                absorption.get<double>());
  const std::string out =
      request.out.empty() ? (fs::path(request.run) / "diagnose.json").string() : request.out;
  spankey::write_file_atomically(out, all.dump(2) + "\n", spankey::file_mode::shared);
  std::printf("wrote %s\n", spankey::printable(out).c_str());
  return 0;
}

program_command diagnose_entry() {
  return plain<diagnose_options, declare_diagnose_flags, diagnose>(
      "diagnose", "what a gated run's keys are made of, and what its network hears of them");
}
