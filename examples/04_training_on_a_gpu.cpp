// The network of 01_gated_training.cpp, gated the same way, on an NVIDIA GPU: one template argument, one more header, and
// spankey::cuda to link. This file is compiled by any C++20 compiler; nvcc is not needed here.
#include <cstdio>
#include <memory>

#include "spankey/cuda.hpp"
#include "spankey/train.hpp"

using namespace spankey;
using sites = at<0, 2, 3, 4>;
using network =
    resnet18<reject_class::outputs(glyph_classes), gate<multiplicative, sites>, backend::cuda, bf16>;

int main() {
  if (!cuda::present()) {
    std::puts("no NVIDIA GPU here");
    return 77;
  }
  std::printf("%s", cuda::describe_device().c_str());
  const image_dataset train = make_glyphs(960, 1, split::train), test = make_glyphs(256, 1, split::test);
  key_space keys({.subspace_dim = 32, .per_site_key = true, .seed = 7}, sites_of<network>(sites::numbers));

  const objective<reject_class> goal{.classes = glyph_classes, .weight = 0.1, .on = deny_on::wrong_and_none};
  const training_options options{.epochs = 3, .batch = 96, .rate = {.learning_rate = 0.05}};
  auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  const arena memory(*model, goal.groups() * options.batch);  // device memory
  initialise(*model, options.seed);

  silent_observer observer;
  trainer(*model, goal, &keys, train, options).run(observer);
  const gate_report gate = gate_evaluation(*model, &keys, test, 64, {.keys = 2}).run();
  std::printf("valid %.2f, invalid %.2f, no key %.2f\n", (*gate.valid_key)[figure::semantic].mean,
              gate.invalid_keys.front().summary[figure::semantic].mean, gate.no_key[figure::semantic].mean);
}
