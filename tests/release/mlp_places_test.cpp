// Costs 15 s to compile and nothing to run.
#include "spankey/release/mlp_places.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "error_probe.hpp"
#include "release/small_gpt.hpp"
#include "spankey/model/vit_tiny.hpp"

using namespace spankey;
using spankey_test::check_refused;
using spankey_test::small_gpt;
using spankey_test::small_llama;

namespace {

std::vector<mlp_place> places_of(const layer_list& list) { return mlp_places({list.begin(), list.size()}); }

}  // namespace

TEST_CASE("the pairs of gpt and of vision transformers are found, and no others") {
  const std::vector<mlp_place> of_gpt = places_of(gpt_on(gpt_nano, head_outputs(272)));
  REQUIRE(of_gpt.size() == 4);
  CHECK(of_gpt[2].name == "h.2.mlp");
  CHECK(of_gpt[2].act == activation::gelu_tanh);
  CHECK(of_gpt[2].inputs == 128);
  CHECK(of_gpt[2].hidden == 512);
  CHECK(of_gpt[2].outputs == 128);
  CHECK(!of_gpt[2].gated);
  CHECK(of_gpt[2].first_bias);
  const std::vector<mlp_place> of_llama = places_of(llama_on(llama_nano, head_outputs(272)));
  REQUIRE(of_llama.size() == 4);
  CHECK(of_llama[3].name == "model.layers.3.mlp");
  CHECK(of_llama[3].act == activation::silu);
  CHECK(of_llama[3].gated);
  CHECK(of_llama[3].inputs == 128);
  CHECK(of_llama[3].hidden == 352);
  CHECK(of_llama[3].outputs == 128);
  CHECK(!of_llama[3].first_bias);
  CHECK(!of_llama[3].down_bias);
  const std::vector<mlp_place> of_vit = places_of(vit_tiny_layers(head_outputs(10)));
  REQUIRE(of_vit.size() == 12);
  CHECK(of_vit[11].name == "blocks.11.mlp");
  CHECK(of_vit[11].act == activation::gelu);
  layer_list other("other", {4, 6, 1});
  other.enter("mlp").project("a", 8).relu("act").project("b", 4).leave().head("head", head_outputs(2));
  CHECK(places_of(other).empty());
}

TEST_CASE("weights go out and come back, a row a neuron") {
  small_gpt held, second(2);
  const mlp_place place = places_of(held.list)[1];
  const mlp_weights w = mlp_of(held.model, place);
  const auto& first = held.model.parameter_of("h.1.mlp.c_fc.weight");  // in memory (inputs, hidden)
  CHECK(w.first_of(5)[3] == first.value.data[3 * 64 + 5]);
  CHECK(w.down_of(5)[3] == held.model.parameter_of("h.1.mlp.c_proj.weight").value.data[5 * 16 + 3]);
  CHECK(w.bias_of(7) == held.model.parameter_of("h.1.mlp.c_fc.bias").value.data[7]);
  write_mlp(second.model, place, w);
  const mlp_weights again = mlp_of(second.model, place);
  CHECK(again.first == w.first);
  CHECK(again.down == w.down);
  CHECK(again.first_bias == w.first_bias);
  CHECK(again.down_bias == w.down_bias);
  mlp_weights gated = w;
  gated.up = gated.first;
  check_refused([&] { write_mlp(second.model, place, gated); }, "release.104", {"h.1.mlp", "gated"});
  check_refused([&] { write_mlp(second.model, place, w.only({1, 2, 3})); }, "release.104", {"64"});
}

TEST_CASE("a gated block's weights go out and come back") {
  small_llama held, second(2);
  const mlp_place place = places_of(held.list)[1];
  const mlp_weights w = mlp_of(held.model, place);
  const auto value = [&](const char* name) {
    return held.model.parameter_of(std::string("model.layers.1.mlp.") + name + "_proj.weight").value.data;
  };
  CHECK(w.first_of(5)[3] == value("gate")[3 * 42 + 5]);
  CHECK(w.up_of(5)[3] == value("up")[3 * 42 + 5]);
  CHECK(w.down_of(5)[3] == value("down")[5 * 16 + 3]);
  CHECK(w.first_bias.empty());
  CHECK(w.down_bias.empty());
  write_mlp(second.model, place, w);
  const mlp_weights again = mlp_of(second.model, place);
  CHECK(again.first == w.first);
  CHECK(again.up == w.up);
  CHECK(again.down == w.down);
  mlp_weights changed = w;
  changed.first_bias.resize(42);
  check_refused([&] { write_mlp(second.model, place, changed); }, "release.104", {"biases before", "42"});
  changed = w, changed.up.clear();
  check_refused([&] { write_mlp(second.model, place, changed); }, "release.104", {"ungated"});
}
