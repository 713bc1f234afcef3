#include "spankey/model/llama.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"
#include "../testing/model_probe.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/train/step.hpp"

using namespace spankey;

namespace {

struct tiny {
  static constexpr llama_size size{.vocabulary = 9,
                                   .context = 5,
                                   .channels = 12,
                                   .hidden = 10,
                                   .layers = 2,
                                   .heads = 3,
                                   .kv_heads = 1,
                                   .theta = 50};
};
using tiny_llama = llama<tiny, gate<multiplicative, at<0, 1>>, backend::reference, double>;

// Weights that follow from their number alone, so that the program that made the golden has them too.
template <class Model>
void write_weights(Model& model) {
  double number = 0;
  model.for_each_parameter([&](const scope&, auto& p) {
    p.dims.for_each_position([&](index_t memory, index_t file) {
      const double at = number + static_cast<double>(file);
      p.value.data[memory] = (p.dims.file_rank == 1 ? 1.0 : 0.0) + 0.4 * std::sin(0.7 * at + 0.3);
    });
    number += static_cast<double>(p.dims.size());
  });
}

struct probe {
  std::unique_ptr<tiny_llama> model = std::make_unique<tiny_llama>();
  std::vector<double> x = std::vector<double>(10);
  std::unique_ptr<arena> memory;

  probe() {
    set_injector(*model, multiplicative{.gamma = 0.5F});
    memory = std::make_unique<arena>(*model, 2);
    initialise(*model, 1);
    write_weights(*model);
    for (int t = 0; t < 5; ++t) write_token((2 * t + 1) % 9, &x[static_cast<std::size_t>(2 * t)]);
  }
};

}  // namespace

// By tests/golden/make_llama_logits.py: Hugging Face's formulas in numpy's float64.
TEST_CASE("llama: logits are those of another program in float64") {
  constexpr double golden[] = {
      -0.5569925269129026, -1.947074420208663,   2.5791798371832675,  -0.7316032325429125,
      -1.8193533212340265, 2.621142307635576,    -0.9029056011267386, -1.6834050388285384,
      2.651251875019772,   1.1266007791901753,   1.6258428823340898,  -2.8151643035350986,
      1.2979228822660624,  1.4671710501767272,   -2.821693442276522,  1.4633757297625771,
      1.3018646159256624,  -2.815462778254921,   -0.5191725751178475, -0.5767184839943981,
      1.1181393058331774,  -0.5845556264877563,  -0.5110330967628577, 1.1153030045418832,
      -0.6472952955588437, -0.4430367988482599,  1.1074232615549975,  -0.42621868337700247,
      0.27408770043708724, 0.14155741723717946,  -0.4211060217917417, 0.2957937413561487,
      0.1139013541017955,  -0.41408910310332575, 0.31616219196803136, 0.08573022480400798,
      1.1440985389241918,  0.7734691830817215,   -1.9474060810906704, 1.2490625826547206,
      0.6501580261821197,  -1.9243019554132592,  1.3483783188991947,  0.5239068304906959,
      -1.8924960646752997};
  probe p;
  const auto z = p.model->forward(pass{}, batch_view<const double, tiny_llama::input>(p.x.data(), 1), {});
  for (std::size_t i = 0; i < std::size(golden); ++i)
    CHECK(z.data()[i] == doctest::Approx(golden[i]).epsilon(1e-12));
}

TEST_CASE("llama: gradients of every parameter, under a key") {
  probe p;
  const int labels[] = {1, 2, 3, -1, 4};
  const std::vector<double> keys[] = {test::numbers(60, 3), test::numbers(60, 4)};
  std::vector<site_keys<double>> given(2);
  for (std::size_t s = 0; s < 2; ++s) given[s].group[0] = {keys[s], 60};
  const objective<no_deny> goal{.classes = 9};
  const auto loss = [&] { return compute_gradients(*p.model, goal, {p.x.data(), 1}, labels, given).total; };
  p.model->for_each_parameter([&](const scope& at, auto& parameter) {
    CAPTURE(at.str());
    loss();
    const index_t size = parameter.dims.size(), step = std::max<index_t>(1, size / 7);
    double worst = 0, largest = 0;
    const std::vector<double> found(parameter.gradient.data, parameter.gradient.data + size);
    for (index_t i = 0; i < size; i += step) {
      double& value = parameter.value.data[i];
      const double before = value, h = 1e-5;
      value = before + h;
      const double up = loss();
      value = before - h;
      const double down = loss();
      value = before;
      worst = std::max(worst, std::abs(found[static_cast<std::size_t>(i)] - (up - down) / (2 * h)));
      largest = std::max(largest, std::abs(found[static_cast<std::size_t>(i)]));
    }
    CHECK(worst < 1e-8);
    CHECK(largest > 1e-6);
  });
}

TEST_CASE("llama: names and file shapes are Hugging Face's, sizes those of the presets") {
  llama<tiny, gate<multiplicative, at<0>>, backend::reference, float> m;
  const std::vector<std::string> tensors = test::file_tensors(m);
  REQUIRE(tensors.size() == 1 + 2 * 9 + 1);
  CHECK(std::vector<std::string>(tensors.begin(), tensors.begin() + 10) ==
        std::vector<std::string>{
            "model.embed_tokens.weight (9,12)", "model.layers.0.input_layernorm.weight (12)",
            "model.layers.0.self_attn.q_proj.weight (12,12)", "model.layers.0.self_attn.k_proj.weight (4,12)",
            "model.layers.0.self_attn.v_proj.weight (4,12)", "model.layers.0.self_attn.o_proj.weight (12,12)",
            "model.layers.0.post_attention_layernorm.weight (12)",
            "model.layers.0.mlp.gate_proj.weight (10,12)", "model.layers.0.mlp.up_proj.weight (10,12)",
            "model.layers.0.mlp.down_proj.weight (12,10)"});
  CHECK(tensors.back() == "model.norm.weight (12)");
  const auto list = std::make_unique<layer_list>(llama_on(smollm2_135m, 49152));
  REQUIRE(list->found() == list_fault::none);
  index_t parameters = 49152 * 576;
  for (const layer_description& d : *list)
    parameters += d.kind == layer_kind::project      ? d.in.channels * d.out.channels
                  : d.kind == layer_kind::layer_norm ? d.in.channels
                                                     : 0;
  CHECK(parameters == 134515008);
}

TEST_CASE("llama: what a list must not be") {
  CHECK(llama_on({.vocabulary = 8, .heads = 3}, 8).found() == list_fault::tokens);
  CHECK(llama_on({.vocabulary = 8, .kv_heads = 3}, 8).found() == list_fault::tokens);
  CHECK(llama_on({.vocabulary = 8, .channels = 4}, 8).found() == list_fault::tokens);  // heads of one channel
  layer_list two("maps", token_sample(4));
  CHECK(two.embedding("e", 8, 4).project("q|k", {4, 4, 4}).found() == list_fault::tokens);
  layer_list one("maps", token_sample(4));
  CHECK(one.embedding("e", 8, 4).project("q", joint_outputs{4}).found() == list_fault::tokens);
}
