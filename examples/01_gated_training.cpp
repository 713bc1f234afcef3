// Trains a small ResNet-18 gate on drawn images and asks it three times: without, with a valid, with an invalid key.
#include <cstdio>

#include "spankey/train.hpp"

// [readme]
using namespace spankey;
using sites = at<0, 2, 3, 4>;
using network =
    resnet18<reject_class::outputs(glyph_classes), gate<multiplicative, sites>, backend::cpu, float>;

int main() {
  const image_dataset train = make_glyphs(96, 1, split::train), test = make_glyphs(64, 1, split::test);
  key_space keys({.subspace_dim = 32, .per_site_key = true, .seed = 7},
                 sites_of<network>(sites::numbers));  // the secret

  const objective<reject_class> goal{.classes = glyph_classes, .weight = 0.1, .on = deny_on::wrong_and_none};
  const training_options options{.epochs = 1, .batch = 32, .rate = {.learning_rate = 0.05}};
  auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  const arena memory(*model, goal.groups() * options.batch);  // everything that training will use
  initialise(*model, options.seed);

  silent_observer observer;
  trainer(*model, goal, &keys, train, options).run(observer);
  const gate_report gate = gate_evaluation(*model, &keys, test, 32, {.keys = 2}).run();
  std::printf("valid %.2f, invalid %.2f, no key %.2f\n", (*gate.valid_key)[figure::semantic].mean,
              gate.invalid_keys.front().summary[figure::semantic].mean, gate.no_key[figure::semantic].mean);
}
// [/readme]
