#include "spankey/model/vit_tiny.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "../testing/model_probe.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/initialise.hpp"

using namespace spankey;

namespace {
template <class T>
using model = vit_tiny<11, gate<multiplicative, at<0, 1>>, backend::reference, T>;

// Two blocks of eight channels: what gradients by differences can afford.
template <key_shape Key, index_t Heads>
constexpr layer_list narrow(head_outputs outputs) {
  return vit_on("narrow", {2, 6, 9}, outputs,
                {.patch = 3, .channels = 8, .heads = Heads, .depth = 2, .key = Key});
}
template <key_shape Key, index_t Heads>
using narrow_model =
    model_of<narrow<Key, Heads>, 5, gate<multiplicative, at<0, 1>>, backend::reference, double>;

template <class Model>
void check() {
  test::model_probe<Model> probe(1, 2, 0.9F);
  probe.model.for_each_parameter([](const scope& at, parameter<double>& p) {
    // Tokens as apart as after training: from fresh weights, attention hardly depends on queries and keys.
    if (at.str().ends_with("qkv.weight"))
      for (index_t i = 0; i < p.dims.size(); ++i) p.value.data[i] *= 20;
  });
  probe.backward();
  test::check_parameters(
      probe,
      {"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias", "blocks.0.norm1.weight",
       "blocks.0.attn.qkv.weight", "blocks.0.attn.proj.weight", "blocks.1.norm2.bias",
       "blocks.1.mlp.fc1.weight", "blocks.1.mlp.fc2.bias", "norm.weight", "head.weight"},
      12, 1e-6, 1e-6);
  test::check_keys(probe, 6, 1e-6, 1e-6);
}
}  // namespace

TEST_CASE("vit_tiny: gradients of a narrow one, every kind of parameter and every site's key") {
  SUBCASE("a number an element, two heads") { check<narrow_model<key_shape::element, 2>>(); }
  SUBCASE("a number a token, one head") { check<narrow_model<key_shape::token, 1>>(); }
  SUBCASE("a number a channel, four heads") { check<narrow_model<key_shape::channel, 4>>(); }
}

TEST_CASE("vit_tiny: one stacked batch equals separate ones") {
  test::check_stacked_batch<narrow_model<key_shape::element, 2>>(3, 2, 1e-11);
}

TEST_CASE("vit_tiny: timm's names and shapes, sites, 5,362,955 parameters for 11 outputs") {
  std::vector<std::string> expected = {"patch_embed.proj.weight (192,3,4,4)", "patch_embed.proj.bias (192)",
                                       "cls_token (1,1,192)", "pos_embed (1,65,192)"};
  const auto pair = [&](const std::string& name, const std::string& weight, int outputs) {
    expected.push_back(name + ".weight " + weight);
    expected.push_back(name + ".bias (" + std::to_string(outputs) + ")");
  };
  for (int block = 0; block < 12; ++block) {
    const std::string name = "blocks." + std::to_string(block);
    pair(name + ".norm1", "(192)", 192);
    pair(name + ".attn.qkv", "(576,192)", 576);
    pair(name + ".attn.proj", "(192,192)", 192);
    pair(name + ".norm2", "(192)", 192);
    pair(name + ".mlp.fc1", "(768,192)", 768);
    pair(name + ".mlp.fc2", "(192,768)", 192);
  }
  pair("norm", "(192)", 192);
  pair("head", "(11,192)", 11);
  model<float> m;
  CHECK(test::file_tensors(m) == expected);
  CHECK(test::parameter_count(m) == 5'362'955);
  const auto shapes = m.site_shapes();
  REQUIRE(shapes.size() == 2);
  CHECK(shapes[0] == extents{192, 65, 1});
  CHECK(shapes[1] == extents{192, 65, 1});
  // Site 1 stands behind block 5.
  const auto list = vit_tiny_layers(11);
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].kind == layer_kind::site && list[i].site == 1)
      CHECK(list[i + 1].name.view() == std::string("blocks.6"));
}

TEST_CASE("vit_tiny: fresh weights have timm's deviations") {
  model<float> m;
  const arena memory(m, 1);
  initialise(m, 7);
  m.for_each_parameter([](const scope& at, parameter<float>& p) {
    const std::string name = at.str();
    CAPTURE(name);
    double sum = 0, largest = 0;
    for (index_t i = 0; i < p.dims.size(); ++i) {
      const auto v = static_cast<double>(p.value.data[i]);
      sum += v * v, largest = std::max(largest, std::abs(v));
    }
    const double deviation = std::sqrt(sum / static_cast<double>(p.dims.size()));
    const bool is_bias = name.ends_with(".bias");
    if (name.starts_with("patch_embed")) {
      CHECK(largest <= 1 / std::sqrt(48.0));
      CHECK(deviation == doctest::Approx(1 / 12.0).epsilon(0.1));
    } else if (name == "cls_token") {
      CHECK(deviation == doctest::Approx(1e-6).epsilon(0.15));
    } else if (is_bias) {
      CHECK(largest == 0);
    } else if (name.find("norm") != std::string::npos) {
      CHECK(deviation == 1);
    } else {
      CHECK(deviation == doctest::Approx(0.02).epsilon(0.05));
    }
  });
}

TEST_CASE("vit_tiny: other extents, patches and key shapes; what cannot be") {
  CHECK(vit_tiny_on({1, 28, 28}, 10).site_shape(0) == extents{192, 50, 1});
  CHECK(vit_tiny_on({3, 64, 32}, 10).site_shape(1) == extents{192, 129, 1});
  CHECK(vit_tiny_on({3, 3, 3}, 10).found() == list_fault::window);
  CHECK(vit_on("large_patches", {3, 224, 224}, 10, {.patch = 16}).site_shape(0) == extents{192, 197, 1});
  CHECK(vit_on("v", {3, 32, 32}, 10, {.channels = 64, .heads = 3}).found() == list_fault::tokens);
  CHECK(vit_on("v", {3, 32, 32}, 10, {.key = key_shape::token}).site_shape(0) == extents{1, 65, 1});
}
