// What measure_compile.py builds: a program that trains ResNet-18, whole: data, keys, mode B, checkpoint; kernels of
// every instruction set, activations in every scalar.
#include <memory>

#include "spankey/train.hpp"

namespace {

using namespace spankey;

struct last_loss {
  double loss = 0;
  void on_step(const step_record& r) { loss = r.loss; }
  void on_epoch(const epoch_record&) {}
};

template <class T>
double train() {
  using sites = at<0, 2, 3, 4>;
  using deny = reject_class;
  using network = resnet18<deny::outputs(cifar10_classes), gate<multiplicative, sites>, backend::cpu, T>;
  const image_dataset data = make_glyphs(256, 1, split::train);
  const objective<deny> goal{.classes = cifar10_classes};
  const training_options options{.epochs = 1, .batch = 32, .rate = {.learning_rate = 0.01}};
  const auto model = std::make_unique<network>();
  const arena memory(*model, goal.groups() * options.batch);
  initialise(*model, 1);
  set_injector(*model, multiplicative{.gamma = 2});
  key_space keys({}, sites_of<network>(sites::numbers));
  trainer run(*model, goal, &keys, data, options);
  last_loss observer;
  run.run(observer);
  save_weights(*model, "weights.safetensors");
  return observer.loss;
}

}  // namespace

int main() { return train<float>() + train<bf16>() < 100 ? 0 : 1; }
