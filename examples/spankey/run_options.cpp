#include "run_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <limits>
#include <string_view>
#include <type_traits>

#include "flag_checks.hpp"
#include "invalid_text.hpp"
#include "network.hpp"
#include "recipes.hpp"
#include "run_folder.hpp"
#include "spankey/core/version.hpp"

namespace {

using spankey::fail;

const std::vector<std::string> basis_choices{"uniform", "orthonormal"};
const std::vector<std::string> coefficient_choices{"unit_cube", "gaussian", "sphere"};
const std::vector<std::string> schedule_choices{"constant", "step", "cosine", "one-cycle"};

// One list serves the flags and config.json: f(name, member).
template <class Options, class F>
void for_each_setting(Options& o, F&& f) {
  f("regime", o.regime);
  f("data", o.data);
  f("mean", o.mean);
  f("deviation", o.deviation);
  f("model", o.model);
  f("inject", o.inject);
  f("gamma", o.gamma);
  f("sites", o.sites);
  f("subspace-dim", o.subspace_dim);
  f("basis", o.basis);
  f("coefficients", o.coefficients);
  f("offset", o.offset);
  f("spread", o.spread);
  f("per-site-key", o.per_site_key);
  f("per-site-basis", o.per_site_basis);
  f("key-std", o.key_std);
  f("rescale", o.rescale);
  f("invalid", o.invalid);
  f("invalid-mixture", o.invalid_mixture);
  f("deny", o.deny);
  f("gap", o.gap);
  f("margin1", o.margin1);
  f("margin2", o.margin2);
  f("seal-weight", o.seal_weight);
  f("deny-weight", o.deny_weight);
  f("deny-on", o.deny_on);
  f("deny-warmup", o.deny_warmup);
  f("batch-statistics", o.batch_statistics);
  f("epochs", o.epochs);
  f("batch", o.batch);
  f("optimizer", o.optimizer);
  f("lr", o.lr);
  f("momentum", o.momentum);
  f("weight-decay", o.weight_decay);
  f("schedule", o.schedule);
  f("milestones", o.milestones);
  f("precision", o.precision);
  f("seed", o.seed);
  f("train-limit", o.train_limit);
  f("test-limit", o.test_limit);
  f("eval-keys", o.eval_keys);
  f("eval-images", o.eval_images);
  f("families", o.families);
  f("nonfinite", o.nonfinite);
}

// What newer versions added may be missing in a config.json; without a value it is not written either, so that a run of
// an older version goes on.
bool may_be_missing(std::string_view name) {
  return name == "nonfinite" || name == "mean" || name == "deviation";
}
template <class T>
bool is_left_out(std::string_view name, const T& value) {
  if constexpr (requires { value.empty(); }) return value.empty() && may_be_missing(name);
  return false;
}

// An entry of config.json as its flag would be given.
std::string flag_text(const nlohmann::json& entry) {
  if (entry.is_string()) return entry.get<std::string>();
  if (!entry.is_array()) return entry.dump();
  std::string text;
  for (const auto& element : entry) text += (text.empty() ? "" : ",") + element.dump();
  return text;
}

// The flags' own checks, once more: a config.json must hold nothing that the command line refuses.
void require_flag_values(const nlohmann::json& config, const run_options& read, const std::string& file) {
  run_options parsed;
  CLI::App app;
  declare_training_flags(app, parsed);
  std::vector<std::string> arguments;
  for_each_setting(read, [&](const char* name, const auto&) {
    if (!config.contains(name)) return;
    const nlohmann::json& entry = config.at(name);
    if (!entry.is_array() || !entry.empty())
      arguments.push_back("--" + std::string(name) + "=" + flag_text(entry));
  });
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& problem) {
    fail("config.106", file, one_line(problem));
  }
}

}  // namespace

spankey::runtime run_options::injector() const {
  const auto kind = inject == "add"   ? spankey::injector_kind::additive
                    : inject == "mul" ? spankey::injector_kind::multiplicative
                                      : spankey::injector_kind::none;
  return {kind, static_cast<float>(gamma)};
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
  using spankey::schedule_kind;
  const auto kind = schedule == "constant" ? schedule_kind::constant
                    : schedule == "cosine" ? schedule_kind::cosine
                    : schedule == "step"   ? schedule_kind::step
                                           : schedule_kind::one_cycle;
  return {.kind = kind, .learning_rate = lr, .milestones = milestones};
}

spankey::batch_statistics run_options::statistics() const {
  return batch_statistics == "joint" ? spankey::batch_statistics::joint
                                     : spankey::batch_statistics::per_group;
}

spankey::deny_on run_options::groups() const {
  return deny_on == "wrong" ? spankey::deny_on::wrong : spankey::deny_on::wrong_and_none;
}

spankey::training_options run_options::training(const spankey::augmentation& augment) const {
  spankey::training_options t;
  t.epochs = epochs;
  t.batch = batch;
  t.seed = seed;
  t.rate = rate();
  t.optimizer = {.momentum = momentum, .weight_decay = weight_decay, .nesterov = momentum > 0};
  if (adam()) t.adam = spankey::adam_options{.weight_decay = weight_decay, .decoupled = optimizer == "adamw"};
  t.augment = augment;
  t.invalid = invalid_rule_of(invalid);
  t.invalid_mixture = invalid_mixture_of(invalid_mixture);
  t.deny_warmup = deny_warmup;
  t.nonfinite = nonfinite == "stop"        ? spankey::nonfinite_policy::stop
                : nonfinite == "skip_step" ? spankey::nonfinite_policy::skip_step
                                           : spankey::nonfinite_policy::ignore;
  return t;
}

spankey::evaluation_options run_options::evaluation() const {
  return {.keys = eval_keys,
          .images_per_key = eval_images,
          .invalid = invalid_rules_of(families, *this),
          .seed = seed};
}

void declare_training_flags(CLI::App& app, run_options& o) {
  constexpr std::int64_t most = (std::int64_t{1} << 30) - 1;
  const CLI::Validator count = from_to<std::int64_t>(1, most), limit = from_to<std::int64_t>(0, most);
  const CLI::Validator non_negative = from_to(0.0, 1e9), share = from_to(0.0, 1.0);
  const CLI::Validator any_seed = from_to<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max());
  app.add_option("--regime", o.regime, "defaults of keys and denial: sound, or the published reference")
      ->check(CLI::IsMember({"sound", "reference"}))
      ->capture_default_str();
  app.add_option("--data", o.data, "data set; glyphs (images) and linear (features) are drawn")
      ->check(CLI::IsMember({"glyphs", "cifar10", "mnist", "fashion-mnist", "linear"}))
      ->capture_default_str();
  app.add_option("--data-root", o.data_root, "folder of cifar-10-batches-bin/, mnist/ and fashion-mnist/")
      ->capture_default_str();
  app.add_option("--mean", o.mean,
                 "mean of pixel/255, one a channel, comma-separated (default: the data set's)")
      ->delimiter(',')
      ->check(from_to(-1e6, 1e6));
  app.add_option("--deviation", o.deviation, "its standard deviation, one a channel")
      ->delimiter(',')
      ->check(from_to(1e-6, 1e6));
  app.add_option("--model", o.model, "network")->check(CLI::IsMember(network_names()));
  app.add_option("--inject", o.inject, "injector")
      ->check(CLI::IsMember({"none", "add", "mul"}))
      ->capture_default_str();
  app.add_option("--gamma", o.gamma, "strength of the injection")->check(non_negative)->capture_default_str();
  app.add_option("--sites", o.sites, "site numbers, comma-separated")->delimiter(',')->check(from_to(0, 4));
  app.add_option("--subspace-dim", o.subspace_dim, "dimension m of the key space")
      ->check(count)
      ->capture_default_str();
  app.add_option("--basis", o.basis, "basis of the key space")
      ->check(CLI::IsMember(basis_choices))
      ->capture_default_str();
  app.add_option("--coefficients", o.coefficients, "coefficients of a key")
      ->check(CLI::IsMember(coefficient_choices))
      ->capture_default_str();
  app.add_option("--offset", o.offset, "what every coefficient is moved by (unit_cube: 0.5, others: 0)")
      ->check(from_to(-1e9, 1e9));
  app.add_option("--spread", o.spread,
                 "what every coefficient is multiplied by before (unit_cube: 0.5, others: 1)")
      ->check(from_to(1e-9, 1e9));
  app.add_flag("--per-site-key", o.per_site_key, "own coefficients at every site");
  app.add_flag("--per-site-basis", o.per_site_basis, "own basis at every site (needs --per-site-key)");
  app.add_option("--key-std", o.key_std, "standard deviation of a key, 0: as drawn")
      ->check(non_negative)
      ->capture_default_str();
  app.add_option("--rescale", o.rescale, "one deviation a batch, or a key")
      ->check(CLI::IsMember({"pooled", "per_key"}))
      ->capture_default_str();
  app.add_option("--invalid", o.invalid,
                 "family of the batch's one invalid key, as angle@20: " + family_names());
  app.add_option(
      "--invalid-mixture", o.invalid_mixture,
      "instead one invalid key a sample, its family drawn from these: FAMILY[@NUMBER][:WEIGHT],...");
  app.add_option("--deny", o.deny, "deny loss")
      ->check(CLI::IsMember({"none", "A", "A_soft", "B", "B_aux", "C", "C_plus", "AC", "sealed"}));
  app.add_option("--gap", o.gap, "A_soft: entropy that may be missing, in nats")
      ->check(non_negative)
      ->capture_default_str();
  app.add_option("--margin1", o.margin1, "C, C_plus: margin between valid and wrong key")
      ->check(non_negative)
      ->capture_default_str();
  app.add_option("--margin2", o.margin2, "C_plus: margin below the best wrong class")
      ->check(non_negative)
      ->capture_default_str();
  app.add_option("--seal-weight", o.seal_weight, "sealed: weight of the divergence from uniform")
      ->check(non_negative)
      ->capture_default_str();
  app.add_option("--deny-weight", o.deny_weight, "lambda")->check(non_negative)->capture_default_str();
  app.add_option("--deny-on", o.deny_on, "what is denied: the wrong key, or no key too")
      ->check(CLI::IsMember({"wrong", "wrong+no"}))
      ->capture_default_str();
  app.add_option(
         "--batch-statistics", o.batch_statistics,
         "batch norm in training: every group of keys with its own statistics, or all with the batch's")
      ->check(CLI::IsMember({"per_group", "joint"}))
      ->capture_default_str();
  app.add_option("--deny-warmup", o.deny_warmup, "epochs over which lambda grows")
      ->check(limit)
      ->capture_default_str();
  app.add_option("--epochs", o.epochs, "passes over the training set")->check(count)->capture_default_str();
  app.add_option("--batch", o.batch, "images a step")->check(from_to(2, 1 << 20))->capture_default_str();
  app.add_option("--optimizer", o.optimizer, "sgd, adam, or adamw (decoupled decay)")
      ->check(CLI::IsMember({"sgd", "adam", "adamw"}));
  app.add_option("--lr", o.lr, "learning rate")->check(non_negative)->capture_default_str();
  app.add_option("--momentum", o.momentum, "Nesterov momentum, 0: plain SGD")
      ->check(share)
      ->capture_default_str();
  app.add_option("--weight-decay", o.weight_decay, "decay of every parameter")
      ->check(non_negative)
      ->capture_default_str();
  app.add_option("--schedule", o.schedule, "learning-rate schedule")
      ->check(CLI::IsMember(schedule_choices))
      ->capture_default_str();
  app.add_option("--milestones", o.milestones,
                 "where the rate falls tenfold (schedule step): shares of the run below 1, or whole epochs")
      ->delimiter(',')
      ->check(non_negative);
  app.add_option("--precision", o.precision,
                 "activations and matrix products: float, or bf16 beside float weights")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->capture_default_str();
  app.add_option("--nonfinite", o.nonfinite,
                 "a step with NaN or infinity: stop, skip_step (no update), or ignore")
      ->check(CLI::IsMember({"stop", "skip_step", "ignore"}))
      ->capture_default_str();
  app.add_option("--threads", o.threads, "threads, 0: all")->check(limit)->capture_default_str();
  app.add_option("--device", o.device, "what computes: the processor, or an NVIDIA GPU")
      ->check(CLI::IsMember(device_names))
      ->capture_default_str();
  app.add_option("--seed", o.seed, "seed of everything that is random")
      ->check(any_seed)
      ->capture_default_str();
  app.add_option("--key-seed", o.key_seed,
                 "own seed of the key space, kept out of config.json (default: --seed)")
      ->check(any_seed);
  app.add_option("--train-limit", o.train_limit, "first training images only, 0: all (glyphs: 4000)")
      ->check(limit)
      ->capture_default_str();
  app.add_option("--test-limit", o.test_limit, "first test images only, 0: all (glyphs: 1000)")
      ->check(limit)
      ->capture_default_str();
  app.add_option("--eval-keys", o.eval_keys, "valid keys, and as many invalid keys, in the evaluation")
      ->check(count)
      ->capture_default_str();
  app.add_option("--eval-images", o.eval_images, "test images that each key sees")
      ->check(count)
      ->capture_default_str();
  app.add_option("--families", o.families, "invalid keys of the evaluation: FAMILY[@NUMBER],... or all")
      ->capture_default_str();
}

void apply_recipe(const CLI::App& app, run_options& options) {
  nlohmann::json given = nlohmann::json::object();
  for_each_setting(options, [&](const char* name, const auto& value) {
    if (app.get_option("--" + std::string(name))->count() > 0) given[name] = value;
  });
  const nlohmann::json recipe = recipe_for(given);
  for_each_setting(options, [&](const char* name, auto& value) {
    if (recipe.contains(name) && !given.contains(name)) recipe.at(name).get_to(value);
  });
}

run_options options_to_resume(const CLI::App& app, const run_options& options) {
  for (const CLI::Option* given : app.get_options()) {
    const std::string name = given->get_name();
    if (given->count() > 0 && name != "--resume" && name != "--threads" && name != "--data-root" &&
        name != "--checkpoint-seconds" && name != "--device")
      fail("flag.125", name, "found beside --resume; a run goes on with the flags of its config.json");
  }
  run_options resumed = read_config((std::filesystem::path(options.resume) / "config.json").string());
  resumed.out = options.resume;
  resumed.threads = options.threads;
  resumed.device = options.device;
  resumed.data_root = options.data_root;
  resumed.checkpoint_seconds = options.checkpoint_seconds;
  return resumed;
}

run_options options_given(const nlohmann::json& given, const std::string& where) {
  const run_options defaults;
  nlohmann::json config = to_json(defaults);
  for (const auto& [name, value] : given.items()) {
    bool known = false;
    for_each_setting(defaults, [&](const char* setting, const auto&) { known |= name == setting; });
    if (!known) fail("config.108", where, "no run has a flag '", name, "'");
  }
  config.update(recipe_for(given));
  config.update(given);
  return from_json(config, where);
}

void require_consistent(const run_options& o) {
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
  spankey::require_key_space(o.key_space(), {{{o.sites.front(), {o.subspace_dim, 1, 2}}}});
  (void)invalid_rule_of(o.invalid);
  const auto mixture = invalid_mixture_of(o.invalid_mixture);
  if (!mixture.empty()) spankey::require_mixture(mixture);
}

void require_trainable(const run_options& options) {
  spankey::require_schedule(options.rate(), options.epochs, "--milestones");
}

nlohmann::json to_json(const run_options& options) {
  // As an object from the start: nlohmann-json 3.11 crashes where a null has no memory to become one.
  nlohmann::json config = nlohmann::json::object();
  config["spankey"] = SPANKEY_VERSION_STRING;
  for_each_setting(options, [&](const char* name, const auto& value) {
    if (!is_left_out(name, value)) config[name] = value;
  });
  return config;
}

run_options from_json(const nlohmann::json& config, const std::string& file) {
  run_options options;
  if (!config.is_object()) fail("config.101", file, "expected a JSON object");
  for_each_setting(options, [&](const char* name, auto& value) {
    if (may_be_missing(name) && !config.contains(name)) return;
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
  require_flag_values(config, options, file);
  require_consistent(options);
  return options;
}
