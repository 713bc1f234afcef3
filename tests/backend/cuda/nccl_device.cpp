// Gradients through NCCL, on a GPU (device_main.cpp skips without one): of one process the mean is the gradient itself, also
// where the step is recorded. Of several processes only their GPUs can tell.
#include <doctest/doctest.h>

#include <vector>

#include "device_tensor.hpp"
#include "spankey/cuda.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/sealed.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/train/nccl.hpp"
#include "spankey/train/trainer.hpp"

namespace {

using namespace spankey;
using network = mlp<sealed::outputs(5), gate<multiplicative, at<0, 1, 2>>, backend::cuda, float>;

class alone final : public process_group {
 public:
  [[nodiscard]] index_t rank() const override { return 0; }
  [[nodiscard]] index_t size() const override { return 1; }
  void exchange(index_t, std::span<const std::byte>, std::span<std::byte>) override {}
  void broadcast(std::span<std::byte>) override {}
};

std::vector<float> trained(const gradient_reduction& reduce) {
  const auto data = make_linear_task(56, 1, split::train);
  network model;
  set_injector(model, multiplicative{.gamma = 0.5F});
  key_space keys({.subspace_dim = 4}, sites_of<network>(std::vector<int>{0, 1, 2}));
  const objective<sealed> goal{.classes = 5, .weight = 0.4, .on = deny_on::wrong, .deny = {}};
  training_options options{.epochs = 3, .batch = 16, .seed = 4, .rate = {.learning_rate = 0.02}};
  options.reduce_gradients = reduce;
  const arena memory(model, goal.groups() * options.batch);
  initialise(model, options.seed);
  silent_observer nobody;
  trainer(model, goal, &keys, data, options).run(nobody);
  std::vector<float> all;
  model.for_each_parameter([&](const scope&, auto& p) {
    memory_of<backend::cuda>::read(p.value.data, p.dims.size(), [&](const float* v) {
      all.insert(all.end(), v, v + p.dims.size());
      return 0;
    });
  });
  return all;
}

}  // namespace

TEST_CASE("nccl: the mean of one process is its gradient, in every step of a training") {
  alone processes;
  nccl_gradients nccl(processes);
  CHECK(trained(nccl.mean()) == trained({}));
}
