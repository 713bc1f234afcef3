// Whole training steps and inference of the keyed ResNet-18 (mul, gamma 2, sites 0,2,3,4) at batch 128, and the
// latency of one image. The time of a step holds everything between two batches: keys, forward, loss, backward,
// update. compare_pytorch.py runs these beside PyTorch and prints ratios.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <memory>

#include "spankey/spankey.hpp"

namespace {

using namespace spankey;

constexpr index_t batch = 128;
using gate_sites = at<0, 2, 3, 4>;

template <class Deny>
using network =
    resnet18<Deny::outputs(cifar10_classes), gate<multiplicative, gate_sites>, backend::cpu, float>;

/// A model with its memory and random weights for `samples` samples.
template <class Model>
struct bound_model {
  explicit bound_model(index_t samples) : memory(*model, samples) {
    set_injector(*model, multiplicative{.gamma = 2});
    initialise(*model, 1);
  }
  std::unique_ptr<Model> model = std::make_unique<Model>();
  arena memory;
};

key_space make_keys() {
  return {{.per_site_key = true, .per_site_basis = true}, sites_of<network<no_deny>>(gate_sites::numbers)};
}

void report(benchmark::State& state, double images) {
  state.counters["images_per_second"] =
      benchmark::Counter(images, benchmark::Counter::kIsIterationInvariantRate);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_rss_mib"] = static_cast<double>(usage.ru_maxrss) / 1024;
  state.SetLabel(std::string(name_of(active_isa())) + ", " + std::to_string(thread_count()) + " threads");
}

// Keeps the last loss, so that a diverged run is not taken for a fast one.
struct loss_watcher {
  double loss = 0;
  void on_step(const step_record& r) { loss = r.loss; }
  void on_epoch(const epoch_record&) {}
};

template <class Deny>
void train(benchmark::State& state) {
  const image_dataset data = make_glyphs(batch, 1, split::train);
  const objective<Deny> goal{.classes = cifar10_classes};
  bound_model<network<Deny>> m(goal.groups() * batch);
  key_space keys = make_keys();
  trainer run(*m.model, goal, &keys, data,
              training_options{.epochs = 1, .batch = batch, .rate = {.learning_rate = 0.01}});
  loss_watcher observer;
  run.run(observer);  // touches all memory
  for (auto _ : state) run.run(observer);
  if (!(observer.loss < 100)) state.SkipWithError("the loss is not finite");
  report(state, batch);
}
BENCHMARK(train<no_deny>)->Name("train/fp32")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(train<reject_class>)->Name("train/fp32/B")->Unit(benchmark::kMillisecond)->UseRealTime();

void infer(benchmark::State& state) {
  const index_t samples = state.range(0);
  bound_model<network<no_deny>> m(samples);
  key_space keys = make_keys();
  site_buffers buffers(keys.sites(), samples);
  keys.draw_valid({1, stream::evaluation}, samples, buffers.outputs());
  model_keys<float, network<no_deny>::sites.size()> bound{};
  buffers.bind(bound, 0, true);
  std::vector<float> x(static_cast<std::size_t>(samples * cifar10_sample.size()), 0.5F);
  const batch_view<const float, network<no_deny>::input> input(x.data(), samples);
  for (auto _ : state) benchmark::DoNotOptimize(m.model->forward(pass{}, input, bound).data());
  report(state, static_cast<double>(samples));
}
BENCHMARK(infer)->Name("infer/fp32")->Arg(batch)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
