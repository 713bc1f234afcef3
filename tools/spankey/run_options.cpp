#include "run_options.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "choices.hpp"
#include "command_line.hpp"
#include "data_sets.hpp"
#include "invalid_text.hpp"
#include "network.hpp"
#include "recipes.hpp"
#include "run_folder.hpp"
#include "settings.hpp"
#include "spankey/core/version.hpp"

namespace {

using spankey::fail;

// The flags' own checks, once more: a config.json must hold nothing that the command line refuses.
void require_flag_values(const nlohmann::json& config, const std::string& file) {
  const auto require = [&](const setting& s, const nlohmann::json& entry) {
    const std::string text = entry.is_string() ? entry.get<std::string>() : entry.dump();
    if (!s.allowed.fits(text)) fail("config.106", file, "--", s.name, ": ", s.allowed.refusal(text));
  };
  for (const setting& s : settings()) {
    if (!s.in_config || !config.contains(s.name)) continue;
    const nlohmann::json& entry = config.at(s.name);
    if (!entry.is_array()) require(s, entry);
    for (const nlohmann::json& element : entry.is_array() ? entry : nlohmann::json::array())
      require(s, element);
  }
}

// A network goes on as what it was: its model, its data set and what makes numbers of its pixels, unless flags say
// otherwise. A file of weights says nothing of them.
void add_from_initial_run(nlohmann::json& given) {
  if (!given.contains("init") || !given.at("init").is_string()) return;
  const std::filesystem::path folder(given.at("init").get<std::string>());
  std::error_code code;
  if (!std::filesystem::is_directory(folder, code)) return;
  const run_options run = read_config((folder / "config.json").string());
  const bool same_data = !given.contains("data") || given.at("data") == run.data;
  if (!given.contains("model")) given["model"] = run.model;
  if (!given.contains("data")) given["data"] = run.data;
  if (!same_data) return;
  const nlohmann::json config = to_json(run);
  const std::vector<std::string>& of_data = data_settings();
  // Other files are another data set, but for what the network sees of its pixels.
  if (std::none_of(of_data.begin(), of_data.end(),
                   [&](const std::string& name) { return given.contains(name); }))
    for (const std::string& name : of_data)
      if (config.contains(name)) given[name] = config.at(name);
  if (run.mean.empty() || given.contains("mean") || given.contains("deviation")) return;
  given["mean"] = run.mean;
  given["deviation"] = run.deviation;
}

}  // namespace

spankey::runtime run_options::injector() const {
  return {meaning_of(injector_names, inject, "--inject"), static_cast<float>(gamma)};
}

spankey::key_space_config run_options::key_space() const {
  return {.subspace_dim = subspace_dim,
          .basis = spankey::parse_basis(basis),
          .coefficients = spankey::parse_coefficients(coefficients),
          .offset = offset,
          .spread = spread,
          .rescale = spankey::parse_rescale(rescale),
          .key_std = static_cast<float>(key_std),
          .per_site_key = per_site_key,
          .per_site_basis = per_site_basis,
          .seed = key_seed.value_or(seed)};
}

spankey::schedule run_options::rate() const {
  return {.kind = meaning_of(schedule_names, schedule, "--schedule"),
          .learning_rate = lr,
          .milestones = milestones,
          .warm_up = warm_up,
          .last = lr_end};
}

spankey::batch_statistics run_options::statistics() const {
  return meaning_of(statistics_names, batch_statistics, "--batch-statistics");
}

spankey::deny_on run_options::groups() const { return meaning_of(denied_group_names, deny_on, "--deny-on"); }

spankey::training_options run_options::training(const spankey::augmentation& of_images) const {
  spankey::training_options t;
  t.epochs = epochs;
  t.batch = batch;
  t.seed = seed;
  t.rate = rate();
  t.optimizer = {.momentum = momentum, .weight_decay = weight_decay, .nesterov = momentum > 0};
  if (adam()) t.adam = spankey::adam_options{.weight_decay = weight_decay, .decoupled = optimizer == "adamw"};
  if (t.adam && beta2 > 0) t.adam->beta2 = beta2;
  if (optimizer == "muon") {
    t.muon = spankey::muon_options{.other_momentum = momentum, .weight_decay = weight_decay};
    if (filter_momentum > 0) t.muon->momentum = filter_momentum;
  }
  if (lookahead > 0) t.average = spankey::lookahead_options{.every = lookahead};
  t.augment = of_images;
  t.invalid = invalid_rule_of(invalid);
  t.invalid_mixture = invalid_mixture_of(invalid_mixture);
  t.deny_warmup = deny_warmup;
  t.clip_norm = clip_norm;
  t.nonfinite = meaning_of(nonfinite_names, nonfinite, "--nonfinite");
  return t;
}

run_options run_options::of_epoch() const {
  run_options fewer = *this;
  fewer.eval_keys = std::min<std::int64_t>(eval_keys, 10);
  return fewer;
}

spankey::text_evaluation_options run_options::text_evaluation() const {
  return {.keys = eval_keys,
          .windows_per_key = eval_images,
          .invalid = invalid_rules_of(families, *this),
          .seed = seed,
          .processes = processes};
}

spankey::evaluation_options run_options::evaluation() const {
  return {.keys = eval_keys,
          .images_per_key = eval_images,
          .invalid = invalid_rules_of(families, *this),
          .seed = seed,
          .views = views.empty() ? spankey::evaluation_views::one
                                 : meaning_of(spankey::view_names, views, "--views"),
          .processes = processes};
}

void declare_training_flags(flag_set& flags, run_options& options) {
  for_each_setting(options, [&](const setting& s, auto& member) {
    const std::string name = "--" + std::string(s.name);
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, bool>) {
      flags.add_flag(name, member, s.help)->under(s.heading);
    } else {
      flag* const made = flags.add_option(name, member, s.help)->check(s.allowed)->under(s.heading);
      if (name == "--key-seed") made->secret();
    }
  });
}

void apply_recipe(flag_set& flags, run_options& options) {
  nlohmann::json given = nlohmann::json::object();
  for_each_in_config(options, [&](const setting& s, const auto& value) {
    if (flags.given("--" + std::string(s.name))) given[s.name] = value;
  });
  const nlohmann::json typed = given;
  add_from_initial_run(given);
  const nlohmann::json recipe = recipe_for(given);
  for_each_in_config(options, [&](const setting& s, auto& value) {
    if (typed.contains(s.name) || !(given.contains(s.name) || recipe.contains(s.name))) return;
    (given.contains(s.name) ? given : recipe).at(s.name).get_to(value);
    flags.find("--" + std::string(s.name))->origin = flag_origin::recipe;
  });
}

std::string help_introduction(const run_options& options) {
  return "In [ ] is what runs where a flag is not given, for --data " + options.data + " --regime " +
         options.regime + ": name another --data, --regime or --model before --help to see what it brings.";
}

std::string flag_text(const flag_set& flags, const run_options& options) {
  std::string text = "flags: given, of the recipe for --data " + options.data + " --regime " +
                     options.regime + ", or fixed\n";
  for (const setting& s : settings()) {
    const flag& f = *flags.find("--" + std::string(s.name));
    const bool is_secret = std::holds_alternative<std::optional<std::uint64_t> run_options::*>(s.member);
    const bool is_absent = f.value().empty() && !f.given() && f.name() != "--invalid-mixture";
    if (is_absent) continue;  // the key seed; means and deviations of the data set
    text += f.given() ? "  given   " : f.origin == flag_origin::recipe ? "  recipe  " : "  fixed   ";
    text += f.name() + " " + (is_secret ? "(secret)" : f.value().empty() ? "''" : f.value()) + "\n";
  }
  return text;
}

run_options options_to_resume(const flag_set& flags, const run_options& options) {
  const std::vector<std::string> allowed = {"--resume", "--threads", "--data-root", "--checkpoint-seconds",
                                            "--device", "--require"};
  for (const flag& f : flags.flags())
    if (f.given() && std::find(allowed.begin(), allowed.end(), f.name()) == allowed.end())
      fail("flag.125", f.name(), "found beside --resume; a run goes on with the flags of its config.json");
  run_options resumed = read_config((std::filesystem::path(options.resume) / "config.json").string());
  resumed.out = options.resume;
  resumed.threads = options.threads;
  resumed.device = options.device;
  resumed.data_root = options.data_root;
  resumed.require = options.require;
  resumed.checkpoint_seconds = options.checkpoint_seconds;
  return resumed;
}

run_options options_given(const nlohmann::json& flags, const std::string& where) {
  nlohmann::json given = flags;
  nlohmann::json config = to_json(run_options{});
  std::vector<std::string> names;
  for (const setting& s : settings())
    if (s.in_config) names.emplace_back(s.name);
  for (const auto& [name, value] : given.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      fail("config.108", where, "no run has a flag '", name, "'", did_you_mean(name, names));
  }
  add_from_initial_run(given);
  config.update(recipe_for(given));
  config.update(given);
  return from_json(config, where);
}

void require_consistent(const run_options& o) {
  require_data_consistent(o);
  if (o.keyed() && o.sites.empty())
    fail("flag.101", "--sites", "expected at least one site with --inject ", o.inject);
  for (std::size_t i = 0; i < o.sites.size(); ++i)
    if (std::count(o.sites.begin(), o.sites.end(), o.sites[i]) > 1)
      fail("flag.102", "--sites", "found site ", o.sites[i], " twice");
  if (!o.keyed() && o.deny != "none")
    fail("flag.103", "--deny", "found ", o.deny, " with --inject none; without keys only none is allowed");
  if (o.per_site_basis && !o.per_site_key)
    fail("flag.104", "--per-site-basis", "needs --per-site-key: one key cannot lie in several spans");
  if (!o.keyed()) return;
  if (o.inject == "syndrome" && !o.asks_keys())
    fail("flag.181", "--inject",
         "found syndrome without rows to ask keys by; a trained run is given them: "
         "spankey lock --kind syndrome");
  if (o.asks_keys() && !(o.syndrome_limit > 0 && o.syndrome_limit < 1))
    fail("flag.181", "--syndrome-limit", "found ", o.syndrome_limit, ", expected a share between 0 and 1");
  if (o.gamma == 0 && o.inject != "syndrome")
    fail("flag.106", "--gamma", "found 0 with --inject ", o.inject,
         ": no key would change anything; expected more, or --inject none");
  spankey::require_key_space(o.key_space(), {{{o.sites.front(), {o.subspace_dim, 1, 2}}}});
  (void)invalid_rule_of(o.invalid);
  const auto mixture = invalid_mixture_of(o.invalid_mixture);
  if (!mixture.empty()) spankey::require_mixture(mixture);
}

void require_trainable(const run_options& options) {
  if (options.asks_keys() || options.inject == "syndrome")
    fail("flag.180", options.asks_keys() ? "--syndrome-rows" : "--inject",
         "found a syndrome, which a trained network is given: spankey lock --kind syndrome");
  if (options.vocabulary > 0)
    fail("flag.231", "--vocabulary", "found ", options.vocabulary,
         " tokens of an imported tokenizer; what is trained reads bytes");
  spankey::require_schedule(options.rate(), options.epochs, "--milestones");
}

nlohmann::json to_json(const run_options& options) {
  // As an object from the start: nlohmann-json 3.11 crashes where a null has no memory to become one.
  nlohmann::json config = nlohmann::json::object();
  config["spankey"] = SPANKEY_VERSION_STRING;
  for_each_in_config(options, [&](const setting& s, const auto& value) {
    if constexpr (requires { value.empty(); }) {
      if (s.may_be_missing && value.empty()) return;
    } else {
      if (s.may_be_missing && value == std::remove_cvref_t<decltype(value)>{}) return;
    }
    config[s.name] = value;
  });
  return config;
}

run_options from_json(const nlohmann::json& config, const std::string& file) {
  run_options options;
  if (!config.is_object()) fail("config.101", file, "expected a JSON object");
  for_each_in_config(options, [&](const setting& s, auto& value) {
    const std::string name = s.name;
    if (s.may_be_missing && !config.contains(name)) return;
    if (!config.contains(name)) fail("config.102", file, "has no entry '", name, "'");
    // What is no whole number is refused with its flag's own words, below; out of range it has no conversion.
    using type = std::remove_cvref_t<decltype(value)>;
    if (std::is_integral_v<type> && !std::is_same_v<type, bool> && config.at(name).is_number_float()) return;
    try {
      config.at(name).get_to(value);
    } catch (const nlohmann::json::exception&) {
      fail("config.103", file, "entry '", name, "' has the wrong type: ", config.at(name).type_name());
    }
  });
  require_flag_values(config, file);
  require_consistent(options);
  return options;
}
