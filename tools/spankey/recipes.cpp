#include "recipes.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data_sets.hpp"
#include "run_options.hpp"
#include "spankey/key/coefficients.hpp"

namespace {

using nlohmann::json;
using spankey::coefficient_kind;
using spankey::coefficient_law;

std::string usual_data_of(const std::string& model) {
  return model == "mlp"                       ? "linear"
         : model == "small_cnn"               ? "mnist"
         : model == "small_resnet"            ? "fashion-mnist"
         : model == "fast_cnn"                ? "cifar10"
         : model == "vit_tiny"                ? "cifar10"
         : model == "gpt" || model == "llama" ? "grammar"
                                              : "glyphs";
}

json sites_of(const std::string& model, bool is_sound) {
  if (model == "small_cnn") return is_sound ? json{1, 2} : json{0, 2};
  if (model == "resnet18") return {0, 2, 3, 4};
  if (model == "fast_cnn") return {0, 1, 2};
  if (model == "vit_tiny" || model == "gpt" || model == "llama") return {0, 1};
  return json::array({0});
}

// nanoGPT's for a small network on a processor: 2,000 steps of 12 windows of 64 tokens. Matrices decay; vectors do not. Keys
// are those of docs/results.md.
json recipe_of_text() {
  return {{"model", "gpt"},        {"optimizer", "adamw"},  {"lr", 1e-3},
          {"beta2", 0.99},         {"clip-norm", 1.0},      {"weight-decay", 0.1},
          {"decay-of", "weights"}, {"schedule", "cosine"},  {"warm-up", 0.05},
          {"lr-end", 0.1},         {"epochs", 1},           {"batch", 12},
          {"eval-keys", 20},       {"eval-images", 20},     {"gamma", 1.0},
          {"subspace-dim", 8},     {"key-shape", "channel"}};
}

json recipe_of_data(const std::string& data) {
  const json adam = {{"optimizer", "adam"}, {"lr", 1e-3}, {"weight-decay", 0.0}, {"schedule", "constant"}};
  const std::string kind = kind_of_data(data);
  json recipe;
  if (kind == "mnist") {
    recipe = {{"model", "small_cnn"}, {"epochs", 20}, {"gamma", 0.5}, {"key-std", 0.5}, {"subspace-dim", 8}};
  } else if (kind == "fashion-mnist") {
    recipe = {{"model", "small_resnet"}, {"epochs", 15}};
  } else if (kind == "text") {
    return recipe_of_text();
  } else if (kind == "linear") {
    recipe = {{"model", "mlp"}, {"epochs", 20}, {"subspace-dim", 4}};
  } else {
    return {{"model", "resnet18"},  {"optimizer", "sgd"}, {"lr", 0.1},
            {"weight-decay", 5e-4}, {"schedule", "step"}, {"epochs", 40}};
  }
  recipe.update(adam);
  return recipe;
}

// airbench94's recipe with Muon (github.com/KellerJordan/cifar10-airbench), whose loss is a sum over the batch of 2000, where
// this library's is a mean, and whose logits are divided by 256, where fast_cnn begins with smaller weights: its rates of
// 0.053 (norms and biases) and 0.67 (head) beside Muon's 0.24 are factors of it, its decay of 0.004 a step is 0.24 times this.
// They are made for one cross-entropy: `terms` is the sum of the weights of all terms of the loss, which they are divided by.
// Muon's updates do not grow with the loss. A gate wants more steps.
json recipe_fast(const std::string& model, double terms) {
  const bool is_fast_cnn = model == "fast_cnn";
  json recipe = {{"optimizer", "muon"},
                 {"lr", 0.24},
                 {"momentum", 0.85},
                 {"weight-decay", 1.0 / 60},
                 {"schedule", "linear"},
                 {"epochs", 8},
                 {"batch", 2000},
                 {"smoothing", 0.2},
                 {"rate-of", "vectors=0.4,fc=0.4"}};
  if (terms > 1) recipe.update({{"epochs", 24}, {"batch", 1000}});
  if (is_fast_cnn) {
    std::ostringstream rates;
    rates << std::setprecision(3) << "vectors=" << 442 / terms << ",fc=" << 0.0852 / terms
          << ",whiten.weight=0";
    recipe.update({{"rate-of", rates.str()}, {"whiten", "whiten"}});
  }
  return recipe;
}

// Of a loss with this deny mode: the cross-entropy counts once.
double weight_of_terms(const std::string& deny, const json& recipe, const json& given) {
  const auto weight = [&](const char* flag, double otherwise) {
    return given.contains(flag) && given.at(flag).is_number() ? given.at(flag).get<double>()
                                                              : recipe.value(flag, otherwise);
  };
  if (deny == "none") return 1;
  const double sealing = deny == "sealed" ? weight("seal-weight", run_options{}.seal_weight) : 0;
  return 1 + weight("deny-weight", run_options{}.deny_weight) * (1 + sealing);
}

// The published run's, whatever the data. Everything decays, also biases, norms and positions.
json recipe_vit() {
  return {{"optimizer", "adamw"},   {"lr", 3e-4},   {"weight-decay", 0.05},
          {"schedule", "constant"}, {"epochs", 20}, {"batch", 128}};
}
json keys_of_vit() { return {{"gamma", 0.35}, {"key-std", 0.45}, {"subspace-dim", 16}}; }

json regime_reference() {
  return {{"basis", "uniform"},    {"coefficients", "unit_cube"},    {"rescale", "pooled"},
          {"invalid", "gaussian"}, {"invalid-mixture", ""},          {"deny", "B"},
          {"deny-on", "wrong"},    {"batch-statistics", "per_group"}};
}

json law_flags(const coefficient_law& law) {
  return {{"coefficients", spankey::name_of(law.kind)}, {"offset", law.offset}, {"spread", law.spread}};
}

// Coefficients of the sound regime: a mean, and a fixed distance from it, so that no valid key lies in a corner where none
// was trained (docs/gate_study.md). The angle between a key and the mean is the same for every m.
coefficient_law sound_law(std::int64_t subspace_dim) {
  return {coefficient_kind::sphere, 0.5,
          std::sqrt(static_cast<double>(std::max<std::int64_t>(1, subspace_dim)) / 32)};
}

json regime_sound(const std::string& data, const std::string& deny, bool keys_have_a_mean) {
  json recipe = {{"rescale", "per_key"},
                 {"invalid-mixture", sound_mixture(keys_have_a_mean)},
                 {"deny", deny},
                 {"deny-on", "wrong+no"},
                 {"batch-statistics", "joint"}};
  if (kind_of_data(data) == "mnist")
    recipe.update({{"gamma", 2.0}, {"key-std", 1.0}, {"epochs", 10}, {"lr", 2e-3}, {"schedule", "cosine"}});
  const bool is_text = kind_of_data(data) == "text";
  if (deny == "sealed")
    recipe.update({{"deny-weight", is_text ? 0.1 : 2.0}, {"seal-weight", is_text ? 2.0 : 3.0}});
  return recipe;
}

}  // namespace

std::string sound_mixture(bool keys_have_a_mean) {
  const std::string families =
      "gaussian,orthogonal,norm_matched,angle@20,angle@45,permuted,sign_flipped,zero,constant";
  return keys_have_a_mean ? families + ",negated" : families;
}

json recipe_for(const json& given) {
  // A value of the wrong type, or no choice at all, is refused where the flags are checked.
  const auto chosen = [&](const char* flag, const std::string& otherwise) {
    return given.contains(flag) && given.at(flag).is_string() ? given.at(flag).get<std::string>() : otherwise;
  };
  const std::string data = chosen("data", usual_data_of(chosen("model", "resnet18")));
  const bool is_sound = chosen("regime", "sound") != "reference";
  const bool is_vit = chosen("model", "") == "vit_tiny";
  json recipe = recipe_of_data(data);
  if (is_vit && !is_sound) recipe.update(keys_of_vit());
  if (!given.contains("coefficients") && is_sound) {
    const json m =
        given.contains("subspace-dim") ? given.at("subspace-dim") : recipe.value("subspace-dim", json(32));
    recipe.update(law_flags(sound_law(m.is_number_integer() ? m.get<std::int64_t>() : 32)));
  } else {
    const bool cube = chosen("coefficients", "unit_cube") == "unit_cube";
    recipe.update(
        law_flags(spankey::default_law(cube ? coefficient_kind::unit_cube : coefficient_kind::sphere)));
  }
  const bool keys_have_a_mean = (given.contains("offset") ? given.at("offset") : recipe.at("offset")) != 0;
  recipe.update(is_sound ? regime_sound(data, chosen("deny", "sealed"), keys_have_a_mean)
                         : regime_reference());
  const std::string model = chosen("model", recipe.at("model"));
  if (chosen("recipe", "") == "fast" || model == "fast_cnn") {
    const std::string deny = chosen("inject", "mul") == "none" ? "none" : chosen("deny", recipe.at("deny"));
    recipe.update(recipe_fast(model, weight_of_terms(deny, recipe, given)));
    if (kind_of_data(data) == "cifar10") recipe["augment"] = "crop@2,reflect,alternate";
    recipe["recipe"] = "fast";
  }
  if (is_vit && chosen("recipe", "") != "fast") recipe.update(recipe_vit());
  recipe["sites"] = sites_of(model, is_sound);
  if (given.contains("model")) recipe["data"] = data;
  // Without keys there is nothing to deny.
  if (chosen("inject", "mul") == "none") recipe["deny"] = "none";
  return recipe;
}
