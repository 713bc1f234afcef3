#include "spankey/model/resnet18.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "../testing/model_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/initialise.hpp"

using namespace spankey;

namespace {
using model = resnet18<10, gate<multiplicative, at<0, 2, 3, 4>>, backend::reference, float>;

std::string shape_text(index_t o, index_t i, index_t kernel) {
  return " (" + std::to_string(o) + "," + std::to_string(i) + "," + std::to_string(kernel) + "," +
         std::to_string(kernel) + ")";
}
}  // namespace

TEST_CASE("resnet18: torchvision's names and shapes, in its order; 11,173,962 parameters for 10 outputs") {
  std::vector<std::string> parameters = {"conv1.weight (64,3,3,3)", "bn1.weight (64)", "bn1.bias (64)"};
  std::vector<std::string> states = {"bn1.running_mean (64)", "bn1.running_var (64)"};
  const auto norm = [&](const std::string& name, index_t channels) {
    const std::string size = " (" + std::to_string(channels) + ")";
    for (const char* end : {".weight", ".bias"}) parameters.push_back(name + end + size);
    for (const char* end : {".running_mean", ".running_var"}) states.push_back(name + end + size);
  };
  index_t in = 64;
  for (int stage = 1; stage <= 4; ++stage) {
    const index_t out = index_t{64} << (stage - 1);
    for (int b = 0; b < 2; ++b) {
      const std::string block = "layer" + std::to_string(stage) + "." + std::to_string(b);
      parameters.push_back(block + ".conv1.weight" + shape_text(out, in, 3));
      norm(block + ".bn1", out);
      parameters.push_back(block + ".conv2.weight" + shape_text(out, out, 3));
      norm(block + ".bn2", out);
      if (in != out) {
        parameters.push_back(block + ".downsample.0.weight" + shape_text(out, in, 1));
        norm(block + ".downsample.1", out);
      }
      in = out;
    }
  }
  parameters.insert(parameters.end(), {"fc.weight (10,512)", "fc.bias (10)"});
  parameters.insert(parameters.end(), states.begin(), states.end());

  model m;
  CHECK(test::file_tensors(m) == parameters);
  CHECK(test::parameter_count(m) == 11'173'962);
  resnet18<11, ungated, backend::reference, float> with_reject;
  CHECK(test::parameter_count(with_reject) == 11'173'962 + 513);
  resnet18<head_outputs(10, aux_logit::reject), ungated, backend::reference, float> with_aux;
  parameters.erase(parameters.end() - static_cast<std::ptrdiff_t>(states.size()), parameters.end());
  parameters.insert(parameters.end(), {"fc_aux.weight (1,512)", "fc_aux.bias (1)"});
  parameters.insert(parameters.end(), states.begin(), states.end());
  CHECK(test::file_tensors(with_aux) == parameters);
}

TEST_CASE("resnet18: a site that is off costs no memory; one that is on costs at most one activation") {
  resnet18<10, ungated, backend::reference, float> plain;
  model keyed, masked;
  masked.site(2).enabled = false;
  const index_t samples = 3;
  const auto site_bytes = [&](std::size_t site) {
    return static_cast<std::size_t>(samples * model::sites[site].size()) * sizeof(float);
  };
  // Activations of the gates; the arena grows by no more, for gradients may lie over them.
  const auto gates = [&](auto& m) {
    const memory_plan plan = plan_memory(m, samples);
    std::size_t sum = 0;
    for (const memory_entry& e : plan.entries()) {
      if (e.name.starts_with("gate")) sum += e.bytes;
    }
    return sum;
  };
  const auto bytes = [&](auto& m) { return plan_memory(m, samples).bytes(); };
  CHECK(gates(plain) == 0);
  CHECK(gates(keyed) == site_bytes(0) + site_bytes(2) + site_bytes(3) + site_bytes(4));
  CHECK(gates(keyed) - gates(masked) == site_bytes(2));
  CHECK(bytes(keyed) - bytes(plain) <= gates(keyed));
  CHECK(bytes(keyed) > bytes(masked));
}

TEST_CASE("set_gate: every site gets the injector, only the named ones are on") {
  model m;
  const std::vector<int> sites = {0, 3};
  set_gate(m, multiplicative{0.25F}, sites);
  std::vector<int> on;
  m.for_each_site([&](int site, auto& layer) {
    CHECK(layer.injector.gamma == 0.25F);
    if (layer.enabled) on.push_back(site);
  });
  CHECK(on == sites);
}

TEST_CASE("resnet18: logits are still there after the backward pass") {
  using network = resnet18<10, gate<multiplicative, at<0>>, backend::cpu, float>;
  const auto trained = std::make_unique<network>();
  const arena memory(*trained, 2);
  initialise(*trained, 1);
  const std::vector<float> x(static_cast<std::size_t>(2 * network::input::size), 0.5F);
  const pass p{.groups = 1, .training = true};
  const auto z = trained->forward(p, batch_view<const float, network::input>(x.data(), 2), {});
  const std::vector<float> before(z.data(), z.data() + z.size());
  const auto dz = trained->logit_gradient(2);
  std::fill_n(dz.data(), dz.size(), 1.0F);
  trained->backward(p, 2);
  CHECK(std::vector<float>(z.data(), z.data() + z.size()) == before);
}
