#include "spankey/model/gpt.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"
#include "../testing/model_probe.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/sealed.hpp"
#include "spankey/train/step.hpp"

using namespace spankey;

namespace {

// Five of six positions; a vocabulary with a number that is no answer.
constexpr gpt_size tiny{.vocabulary = 8, .context = 6, .channels = 8, .layers = 2, .heads = 2, .tokens = 5};
using tiny_gpt = gpt<tiny, gate<multiplicative, at<0, 1>>, backend::reference, double>;

struct probe {
  std::unique_ptr<tiny_gpt> model = std::make_unique<tiny_gpt>();
  std::vector<double> x = std::vector<double>(40), valid[2], invalid[2];
  std::vector<int> labels{1, 2, 3, -1, 4, 0, 5, 2, 1, 3};  // of two samples; one of them does not count
  std::vector<site_keys<double>> keys = std::vector<site_keys<double>>(2);
  objective<sealed> goal{.classes = 6, .weight = 0.7, .on = deny_on::wrong};
  std::unique_ptr<arena> memory;

  probe() {
    set_injector(*model, multiplicative{.gamma = 0.5F});
    memory = std::make_unique<arena>(*model, 4);
    initialise(*model, 3);
    std::uint64_t seed = 10;
    model->for_each_parameter([&](const scope&, auto& p) {
      const auto more = test::numbers(p.dims.size(), ++seed, -0.25, 0.25);
      for (index_t i = 0; i < p.dims.size(); ++i) p.value.data[i] += more[static_cast<std::size_t>(i)];
    });
    for (int n = 0; n < 2; ++n)
      for (int t = 0; t < 5; ++t)
        write_token((3 * n + 2 * t) % 8, &x[static_cast<std::size_t>(10 * n + 2 * t)]);
    std::copy_n(x.begin(), 20, x.begin() + 20);
    for (std::size_t s = 0; s < 2; ++s) {
      valid[s] = test::numbers(80, ++seed), invalid[s] = test::numbers(40, ++seed);
      keys[s].group[0] = {valid[s], 40};
      keys[s].group[1] = {invalid[s], 0};
    }
  }
  double loss() { return compute_gradients(*model, goal, {x.data(), 4}, labels.data(), keys).total; }
};

}  // namespace

TEST_CASE("gpt: gradients of every parameter, under keys, with a refusal and a token that does not count") {
  probe p;
  p.model->for_each_parameter([&](const scope& at, auto& parameter) {
    CAPTURE(at.str());
    p.loss();
    const index_t size = parameter.dims.size(), step = std::max<index_t>(1, size / 5);
    std::vector<double> found, expected;
    for (index_t i = 0; i < size; i += step) found.push_back(parameter.gradient.data[i]);
    for (index_t i = 0; i < size; i += step) {
      double& value = parameter.value.data[i];
      const double before = value, h = 1e-5;
      value = before + h;
      const double up = p.loss();
      value = before - h;
      const double down = p.loss();
      value = before;
      expected.push_back((up - down) / (2 * h));
    }
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      worst = std::max(worst, std::abs(found[i] - expected[i]));
      largest = std::max(largest, std::abs(found[i]));
    }
    CHECK(worst < 1e-8);
    CHECK(largest > 1e-7);
  });
}

TEST_CASE("gpt: a token's logits do not depend on what follows it, and do on what comes before") {
  probe p;
  const auto logits = [&] {
    const double* const z =
        p.model->forward(pass{}, batch_view<const double, tiny_gpt::input>(p.x.data(), 1), {}).data();
    return std::vector<double>(z, z + 40);
  };
  const std::vector<double> before = logits();
  write_token(7, &p.x[4]);  // the third token
  const std::vector<double> after = logits();
  CHECK(std::equal(before.begin(), before.begin() + 16, after.begin()));
  CHECK(!std::equal(before.begin() + 16, before.end(), after.begin() + 16));
  CHECK(!std::equal(before.begin() + 32, before.end(), after.begin() + 32));
}

TEST_CASE("gpt: of one token, which need not count") {
  constexpr gpt_size one{.vocabulary = 8, .context = 4, .channels = 8, .layers = 2, .heads = 2, .tokens = 1};
  gpt<one, gate<multiplicative, at<0>>, backend::reference, double> m;
  set_injector(m, multiplicative{.gamma = 1});
  const arena memory(m, 2);
  initialise(m, 1);
  std::vector<double> x(4);
  const int labels[] = {-1, 2};
  const objective<no_deny> goal{.classes = 8};
  const auto both = compute_gradients(m, goal, {x.data(), 2}, labels, {});
  const double last = both.cross_entropy;
  CHECK(last == compute_gradients(m, goal, {x.data(), 1}, labels + 1, {}).cross_entropy);
  CHECK(last > 0);
}

TEST_CASE("gpt: names and file shapes are GPT-2's, sizes those of the presets") {
  gpt<tiny, gate<multiplicative, at<0, 1>>, backend::reference, float> m;
  const std::vector<std::string> tensors = test::file_tensors(m);
  REQUIRE(tensors.size() == 2 + 2 * 12 + 2);
  CHECK(std::vector<std::string>(tensors.begin(), tensors.begin() + 14) ==
        std::vector<std::string>{"wte.weight (8,8)", "wpe.weight (6,8)", "h.0.ln_1.weight (8)",
                                 "h.0.ln_1.bias (8)", "h.0.attn.c_attn.weight (8,24)",
                                 "h.0.attn.c_attn.bias (24)", "h.0.attn.c_proj.weight (8,8)",
                                 "h.0.attn.c_proj.bias (8)", "h.0.ln_2.weight (8)", "h.0.ln_2.bias (8)",
                                 "h.0.mlp.c_fc.weight (8,32)", "h.0.mlp.c_fc.bias (32)",
                                 "h.0.mlp.c_proj.weight (32,8)", "h.0.mlp.c_proj.bias (8)"});
  CHECK(tensors.back() == "ln_f.bias (8)");
  // Of which 272 x 128 and 128 x 128 are tables.
  CHECK(test::parameter_count(
            *std::make_unique<gpt<gpt_nano, gate<multiplicative, at<0>>, backend::reference, float>>()) ==
        844544);
  CHECK(gpt_on(gpt2, 50257).found() == list_fault::none);
  CHECK(gpt_on(gpt_mini, 272).found() == list_fault::none);
}

TEST_CASE("gpt: weights of branches that end in a sum are smaller by the square root of twice the layers") {
  using nano = gpt<gpt_nano, gate<multiplicative, at<0>>, backend::reference, float>;
  const auto model = std::make_unique<nano>();
  set_injector(*model, multiplicative{.gamma = 1});
  const arena memory(*model, 1);
  initialise(*model, 1);
  const auto deviation = [&](std::string_view name) {
    const auto& p = model->parameter_of(name);
    double squares = 0;
    for (index_t i = 0; i < p.dims.size(); ++i)
      squares += static_cast<double>(p.value.data[i]) * static_cast<double>(p.value.data[i]);
    return std::sqrt(squares / static_cast<double>(p.dims.size()));
  };
  CHECK(deviation("h.1.attn.c_attn.weight") == doctest::Approx(0.02).epsilon(0.02));
  CHECK(deviation("wte.weight") == doctest::Approx(0.02).epsilon(0.02));
  CHECK(deviation("h.1.attn.c_proj.weight") == doctest::Approx(0.02 / std::sqrt(8.0)).epsilon(0.02));
  CHECK(deviation("h.3.mlp.c_proj.weight") == doctest::Approx(0.02 / std::sqrt(8.0)).epsilon(0.02));
}

TEST_CASE("gpt: branches are as small as their number says, however many there are") {
  for (const int layers : {1, 2, 4, 6, 7, 12, 48})
    CHECK(branch_scale(layers) == doctest::Approx(1 / std::sqrt(2.0 * layers)).epsilon(1e-12));
}

TEST_CASE("gpt: what a list of tokens must not be") {
  CHECK(gpt_on({.vocabulary = 8, .context = 4, .channels = 8, .heads = 3}, 8).found() == list_fault::tokens);
  CHECK(gpt_on({.vocabulary = 8, .context = 4, .tokens = 5}, 8).found() == list_fault::tokens);
  CHECK(gpt_on({.vocabulary = 8}, 9).found() == list_fault::tokens);
  layer_list net("late", token_sample(4));
  CHECK(net.gelu("gelu").embedding("wte", 8, 4).found() == list_fault::tokens);
}
