#include "spankey/model/adapters.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/loss/deny/mode.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/train/step.hpp"

using namespace spankey;
using network = sized_model<none, backend::cpu, float>;

namespace {

constexpr gpt_size tiny{.vocabulary = 32, .context = 8, .channels = 32, .layers = 2, .heads = 2};
layer_list tiny_list() { return gpt_on(tiny, 32); }

std::vector<float> some_tokens(index_t samples) {
  std::vector<float> x(static_cast<std::size_t>(samples * 16));
  for (index_t i = 0; i < samples * 8; ++i) write_token(static_cast<int>(i * 7 % 32), x.data() + 2 * i);
  return x;
}
std::vector<float> logits_of(network& model, index_t samples) {
  const std::vector<float> x = some_tokens(samples);
  const float* z = model.forward({}, x.data(), samples, {});
  return {z, z + samples * 8 * 32};
}
// Of everything that is no adapter, by name.
std::vector<float> weights_of(network& model) {
  std::vector<float> all;
  model.for_each_parameter([&](const scope& name, auto& p) {
    if (!is_adapter(name.str())) all.insert(all.end(), p.value.data, p.value.data + p.dims.size());
  });
  return all;
}

}  // namespace

TEST_CASE("adapters train alone, and merged ones are weights of the list without them") {
  const auto model = std::make_unique<network>(with_adapters(tiny_list(), 4, 8, every_map));
  const auto plain = std::make_unique<network>(tiny_list());
  keep_second_moment(*model);
  const arena memory(*model, 3), of_plain(*plain, 3);
  initialise(*model, 1);
  initialise(*plain, 1);
  const auto copy = [&] {
    plain->for_each_parameter([&](const scope& name, auto& p) {
      std::copy_n(model->parameter_of(name.str()).value.data, p.dims.size(), p.value.data);
    });
  };
  copy();
  const std::vector<float> before = weights_of(*model), base = logits_of(*plain, 3);
  CHECK(logits_of(*model, 3) == base);  // B is 0

  freeze_but_adapters(*model);
  const std::vector<float> x = some_tokens(3);
  std::vector<int> labels(24, -1);
  for (std::size_t i = 0; i < labels.size(); i += 2) labels[i] = static_cast<int>(i);
  adam optimizer;
  double first = 0, last = 0;
  for (int step = 0; step < 30; ++step) {
    last = compute_gradients(*model, objective<no_deny>{.classes = 32},
                             {x.data(), 3, model->input_extents().size()}, labels.data(), {})
               .cross_entropy;
    if (step == 0) first = last;
    optimizer.step(*model, 1e-2);
  }
  CHECK(last < 0.9 * first);
  CHECK(weights_of(*model) == before);
  const std::vector<float> adapted = logits_of(*model, 3);
  CHECK(adapted != base);

  spankey_test::check_refused([&] { (void)infer::make_image<float>(*model, 32); }, "infer.112");
  merge_adapters(*model, 1);
  CHECK(weights_of(*model) != before);
  copy();
  CHECK(logits_of(*plain, 3) == adapted);
  CHECK(logits_of(*model, 3) == adapted);
}

TEST_CASE("a share of 0 throws adapters away, -1 takes what was learnt off again") {
  const auto model = std::make_unique<network>(with_adapters(tiny_list(), 2, 8, every_map));
  const arena memory(*model, 1);
  initialise(*model, 2);
  const std::vector<float> base = logits_of(*model, 1), before = weights_of(*model);
  const auto set_b = [&] {
    model->for_each_parameter([&](const scope& name, auto& p) {
      if (name.str().ends_with("lora_B.weight")) std::fill_n(p.value.data, p.dims.size(), 0.05F);
    });
  };
  set_b();
  const std::vector<float> adapted = logits_of(*model, 1);
  CHECK(adapted != base);
  merge_adapters(*model, 0);
  CHECK(weights_of(*model) == before);
  CHECK(logits_of(*model, 1) == base);
  set_b(), merge_adapters(*model, 1);
  CHECK(weights_of(*model) != before);
  set_b(), merge_adapters(*model, -1);
  const std::vector<float> back = weights_of(*model);
  double worst = 0;
  for (std::size_t i = 0; i < back.size(); ++i)
    worst = std::max(worst, static_cast<double>(std::abs(back[i] - before[i])));
  CHECK(worst < 1e-6);
}

TEST_CASE("adapters of some maps alone; beside other layers they are a mistake in the list") {
  const auto some = [](const layer_description& d) { return d.name.view().ends_with("c_attn"); };
  const auto model = std::make_unique<network>(with_adapters(tiny_list(), 2, 8, some));
  int found = 0;
  model->for_each_parameter([&](const scope& name, auto&) { found += is_adapter(name.str()) ? 1 : 0; });
  CHECK(found == 4);
  const auto everything = [](const layer_description&) { return true; };
  CHECK(with_adapters(tiny_list(), 2, 8, everything).found() == list_fault::adapters);
  CHECK(with_adapters(tiny_list(), 0, 8, every_map).found() == list_fault::adapters);
}
