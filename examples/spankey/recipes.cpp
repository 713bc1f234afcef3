#include "recipes.hpp"

#include "spankey/key/coefficients.hpp"

namespace {

using nlohmann::json;

json recipe_of_data(const std::string& data) {
  const json adam = {{"optimizer", "adam"}, {"lr", 1e-3}, {"weight-decay", 0.0}, {"schedule", "constant"}};
  json recipe;
  if (data == "mnist") {
    recipe = {{"model", "small_cnn"}, {"epochs", 20},   {"sites", {0, 2}},
              {"gamma", 0.5},         {"key-std", 0.5}, {"subspace-dim", 8}};
  } else if (data == "fashion-mnist") {
    recipe = {{"model", "small_resnet"}, {"epochs", 15}, {"sites", {0}}};
  } else if (data == "linear") {
    recipe = {{"model", "mlp"}, {"epochs", 20}, {"sites", {0}}, {"subspace-dim", 4}};
  } else {
    return {{"model", "resnet18"},  {"optimizer", "sgd"}, {"lr", 0.1},
            {"weight-decay", 5e-4}, {"schedule", "step"}, {"epochs", 40},
            {"sites", {0, 2, 3, 4}}};
  }
  recipe.update(adam);
  return recipe;
}

json regime_reference() {
  return {{"basis", "uniform"},    {"coefficients", "unit_cube"},    {"rescale", "pooled"},
          {"invalid", "gaussian"}, {"invalid-mixture", ""},          {"deny", "B"},
          {"deny-on", "wrong"},    {"batch-statistics", "per_group"}};
}

json regime_sound(const std::string& data, const std::string& deny, bool keys_have_a_mean) {
  json recipe = {{"rescale", "per_key"},
                 {"invalid-mixture", sound_mixture(keys_have_a_mean)},
                 {"deny", deny},
                 {"deny-on", "wrong+no"},
                 {"batch-statistics", "joint"}};
  if (data == "mnist") recipe.update({{"sites", {1, 2}}, {"gamma", 2.0}, {"key-std", 1.0}});
  if (deny == "sealed") recipe.update({{"deny-weight", 2.0}, {"seal-weight", 3.0}});
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
  const bool cube = chosen("coefficients", "unit_cube") == "unit_cube";
  const auto law = spankey::default_law(cube ? spankey::coefficient_kind::unit_cube
                                             : spankey::coefficient_kind::gaussian);  // as of the sphere
  const bool keys_have_a_mean = given.contains("offset") ? given.at("offset") != 0 : law.offset != 0;
  const std::string data = chosen("data", "glyphs");
  json recipe = recipe_of_data(data);
  recipe.update(chosen("regime", "sound") == "reference"
                    ? regime_reference()
                    : regime_sound(data, chosen("deny", "sealed"), keys_have_a_mean));
  recipe["offset"] = law.offset;
  recipe["spread"] = law.spread;
  // Without keys there is nothing to deny.
  if (chosen("inject", "mul") == "none") recipe["deny"] = "none";
  return recipe;
}
