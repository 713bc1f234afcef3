#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "json_text.hpp"
#include "kotg.hpp"
#include "network.hpp"
#include "program_command.hpp"
#include "run_data.hpp"
#include "run_folder.hpp"
#include "settings.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/data/byte_tokens.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

namespace {

using nlohmann::json;
using spankey::fail;
using spankey::printable;

// Reads the members of an experiment's file, each of which may be left out but for its name.
class experiment_reader {
 public:
  explicit experiment_reader(const std::string& file)
      : file_(printable(file)),
        all_(::json_of<json>(text_of_file(file, "flag.170", config_cap), file, "flag.170")) {
    if (!all_.is_object()) fail("flag.170", file_, "found no object, expected an experiment");
  }
  void read_name(const char* member, std::string& to) {
    known_.push_back(member);
    const auto at = all_.find(member);
    const std::string allowed = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (at == all_.end() || !at->is_string() || at->get_ref<const std::string&>().empty() ||
        at->get_ref<const std::string&>().size() > 40 ||
        at->get_ref<const std::string&>().find_first_not_of(allowed) != std::string::npos)
      fail("flag.170", file_, "expected \"", member, "\": letters a to z, digits and _");
    to = at->get<std::string>();
  }
  void read_names(const char* member, const std::vector<std::string>& allowed, std::vector<std::string>& to) {
    known_.push_back(member);
    json names_in_file = all_.value(member, json::array());
    if (names_in_file.is_string()) names_in_file = json::array({names_in_file});
    if (!names_in_file.is_array()) fail("flag.170", file_, "expected \"", member, "\": names");
    for (const json& name : names_in_file) {
      const bool fits = name.is_string() &&
                        std::find(allowed.begin(), allowed.end(), name.get<std::string>()) != allowed.end();
      std::string names;
      for (const std::string& one : allowed) names += (names.empty() ? "" : ", ") + one;
      if (!fits)
        fail("flag.170", file_, "found ", printable(name.dump()), " among \"", member, "\", expected ",
             names);
      to.push_back(name.get<std::string>());
    }
  }
  void read_counts(const char* member, std::vector<std::int64_t>& to) {
    known_.push_back(member);
    const auto at = all_.find(member);
    if (at == all_.end()) return;
    const auto fits = [](const json& n) { return n.is_number_unsigned() && n >= 1 && n <= 1'000'000; };
    if (!at->is_array() || at->empty() || !std::all_of(at->begin(), at->end(), fits))
      fail("flag.170", file_, "found \"", member, "\": ", printable(at->dump()),
           ", expected numbers from 1 on");
    to = at->get<std::vector<std::int64_t>>();
  }
  template <class T>
  void read(const char* member, T least, T most, T& to) {
    known_.push_back(member);
    const auto at = all_.find(member);
    if (at == all_.end()) return;
    const bool fits = std::is_floating_point_v<T> ? at->is_number() : at->is_number_integer();
    const double found = fits ? at->get<double>() : 0;
    if (!fits || found < static_cast<double>(least) || found > static_cast<double>(most))
      fail("flag.170", file_, "found \"", member, "\": ", printable(at->dump()), ", expected ", least, " to ",
           most);
    to = at->get<T>();
  }
  void require_nothing_else() const {
    for (const auto& [name, value] : all_.items())
      if (std::find(known_.begin(), known_.end(), name) == known_.end())
        fail("flag.170", file_, "found \"", printable(name), "\", which no experiment has");
  }

 private:
  std::string file_;
  json all_;
  std::vector<std::string> known_{"about"};
};

void read_experiment(kotg_options& o) {
  experiment_reader in(o.file);
  in.read_name("name", o.name);
  in.read_names("claims", kotg_claims, o.claims);
  in.read_names("attacks", kotg_attacks, o.attacks);
  in.read<std::int64_t>("prompts", 1, 10'000'000, o.training.prompts);
  in.read<std::int64_t>("batch", 2, 4096, o.training.batch);
  in.read<std::int64_t>("rank", 1, 1024, o.training.rank);
  in.read<std::uint64_t>("steps", 1, 100'000'000, o.training.steps);
  in.read<std::uint64_t>("seed", 0, 1'000'000'000, o.training.seed);
  in.read<double>("alpha", 1e-3, 1e6, o.training.alpha);
  in.read<double>("rate", 1e-9, 10, o.training.rate);
  std::vector<std::string> precisions;
  in.read_names("precision", {"fp32", "bf16"}, precisions);
  if (!precisions.empty()) o.training.precision = precisions.back();
  in.read<std::int64_t>("held-out", 8, 100'000, o.held_out);
  in.read<int>("reflections", 0, 64, o.reflections);
  in.read_counts("demonstrations", o.demonstrations);
  in.read<std::uint64_t>("updates", 1, 1'000'000, o.updates);
  in.read<std::int64_t>("known", 1, 1000, o.known);
  in.require_nothing_else();
  const std::int64_t most = *std::max_element(o.demonstrations.begin(), o.demonstrations.end());
  if (most > o.training.prompts || o.known > o.held_out)
    fail("flag.170", printable(o.file), "found ", most, " demonstrations of ", o.training.prompts,
         " prompts, and ", o.known, " known answers of ", o.held_out,
         " held-out prompts; expected no more of the one than of the other");
  if (o.training.batch % 2 != 0)
    fail("flag.170", printable(o.file), "found \"batch\": ", o.training.batch, ", expected an even number");
}

json results_of(const kotg_options& o, const std::vector<kotg_figure>& figures) {
  json rows = json::array();
  for (const kotg_figure& f : figures) {
    rows.push_back({{"of", f.of}, {"what", f.what}, {"found", f.found}});
    if (f.met) rows.back()["expected"] = f.expected, rows.back()["met"] = *f.met;
  }
  const kotg_training& t = o.training;
  return {{"name", o.name},   {"prompts", t.prompts},   {"batch", t.batch},
          {"rank", t.rank},   {"steps", t.steps},       {"seed", t.seed},
          {"alpha", t.alpha}, {"rate", t.rate},         {"precision", t.precision},
          {"rows", rows},     {"held-out", o.held_out}, {"reflections", o.reflections}};
}

void declare_kotg_flags(flag_set& flags, kotg_options& request) {
  flags.add_option("FILE", request.file, "experiment (examples/experiments/kotg_*.json)")
      ->check(path_text("FILE"))
      ->required();
  flags.add_option("--run", request.run, "run folder of the base: text, finished, without a gate")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--text", request.text, "the text that prompts are made of")
      ->check(path_text("FILE"))
      ->required();
  flags.add_option("--key", request.key, "SECRET: file of the master key of the roles (spankey keygen)")
      ->check(path_text("FILE"))
      ->required()
      ->secret();
  flags.add_option("--out", request.out, "folder of adapters, which are trained once, and of results")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
}

}  // namespace

int kotg(kotg_options request) {
  namespace fs = std::filesystem;
  read_experiment(request);
  const run_options base = read_config((fs::path(request.run) / "config.json").string());
  if (!spankey::checkpoints_in(request.run).empty())
    fail("flag.163", "--run", "'", printable(request.run),
         "' holds checkpoints: its training is not finished");
  if (!is_text(base.data) || base.keyed())
    fail("flag.171", "--run", "found a run of ", base.data, base.keyed() ? " with a gate" : "",
         "; expected one of text without a gate (--data text --inject none)");
  const spankey::gpt_size size = gpt_size_of(base);
  if (size.context < 96 || size.vocabulary != spankey::byte_tokens::vocabulary)
    fail("flag.173", "--run", "found windows of ", size.context, " tokens and a vocabulary of ",
         size.vocabulary, ", expected at least 96, and ", spankey::byte_tokens::vocabulary);
  std::error_code code;
  fs::create_directories(request.out, code);
  if (!fs::is_directory(request.out, code))
    fail("flag.174", "--out", "'", printable(request.out), "' is no folder, and none can be made");
  std::vector<kotg_figure> figures;
  bool all_met = true;
  kotg_on_cpu(base, request, [&](const kotg_figure& f) {
    if (figures.empty()) std::printf("%-18s %-62s %10s  %s\n", "of", "what", "found", "expected");
    std::printf("%-18s %-62s %10.4g  %s\n", f.of.c_str(), f.what.c_str(), f.found,
                !f.met ? "" : (f.expected + (*f.met ? "" : "  not met")).c_str());
    std::fflush(stdout);
    all_met = all_met && f.met.value_or(true);
    figures.push_back(f);
  });
  const std::string out = (fs::path(request.out) / ("kotg_" + request.name + ".json")).string();
  spankey::write_file_atomically(out, results_of(request, figures).dump(2) + "\n",
                                 spankey::file_mode::shared);
  std::printf("%s\nwrote %s\n",
              all_met ? "everything that is expected was met" : "not everything that is expected was met",
              printable(out).c_str());
  return 0;
}

program_command kotg_entry() {
  return plain<kotg_options, declare_kotg_flags, kotg>(
      "kotg", "roles that a network of tokens serves under their keys: its claims and attacks, measured");
}
