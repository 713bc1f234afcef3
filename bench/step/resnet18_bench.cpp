// Whole training steps and inference of the keyed ResNet-18 (mul, gamma 2, sites 0,2,3,4) at batch 128, the latency of
// one image, and (sweep/...) what a step costs as the batch, the threads and the groups grow. train/PRECISION/fast is a
// step of fast_cnn by its recipe at batch 500: no keys, Muon, smoothed labels, crop and flip. keys/PRECISION/NETWORK is what
// keys cost in such a step by themselves: drawn for every image at every site, injected, and passed back.
//
// A training step holds everything between two batches: keys, forward, loss, backward, update. Rates are those of
// the median step, as pytorch_peer.py's are; compare_pytorch.py runs both and prints ratios. train/PRECISION/unkeyed is
// the same step without keys and sites: the difference is what the gate costs.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "step/training_step.hpp"

namespace {

using namespace bench;

constexpr index_t usual_batch = 128;
using gate_sites = at<0, 2, 3, 4>;
using keyed = gate<multiplicative, gate_sites>;

template <class T, class Gate, class Deny>
using network = resnet18<Deny::outputs(cifar10_classes), Gate, backend::cpu, T>;

/// A model with its memory and random weights for `samples` samples.
template <class Model>
struct bound_model {
  explicit bound_model(index_t samples) : memory(*model, samples) { initialise(*model, 1); }
  std::unique_ptr<Model> model = std::make_unique<Model>();
  arena memory;
};

template <class Model, class Sites = gate_sites>
key_space make_keys() {
  return {{.per_site_key = true, .per_site_basis = true}, sites_of<Model>(Sites::numbers)};
}

// Keeps the last loss, so that a diverged run is not taken for a fast one.
struct loss_watcher {
  double loss = 0;
  void on_step(const step_record& r) { loss = r.loss; }
  void on_epoch(const epoch_record&) {}
};

template <class T, class Gate, class Deny>
void train(benchmark::State& state, index_t batch, deny_on on = deny_on::wrong) {
  using model = network<T, Gate, Deny>;
  const image_dataset data = make_glyphs(batch, 1, split::train);
  const objective<Deny> goal{.classes = cifar10_classes, .on = on};
  bound_model<model> m(goal.groups() * batch);
  std::optional<key_space> keys;
  if constexpr (std::is_same_v<Gate, keyed>) {
    set_injector(*m.model, multiplicative{.gamma = 2});
    keys = make_keys<model>();
  }
  trainer run(*m.model, goal, keys ? &*keys : nullptr, data,
              training_options{.epochs = 1, .batch = batch, .rate = {.learning_rate = 0.01}});
  loss_watcher observer;
  run.run(observer);  // touches all memory
  step_times times;
  for (auto _ : state) times.measure([&] { run.run(observer); });
  if (!(observer.loss < 100)) state.SkipWithError("the loss is not finite");
  report(state, times, batch);
}

template <class T>
void train_fast(benchmark::State& state, index_t batch) {
  const image_dataset data = make_glyphs(batch, 1, split::train, cifar10_sample);
  const objective<no_deny> goal{.classes = cifar10_classes, .smoothing = 0.2};
  bound_model<fast_cnn<cifar10_classes, ungated, backend::cpu, T>> m(batch);
  trainer run(*m.model, goal, nullptr, data,
              training_options{.epochs = 1,
                               .batch = batch,
                               .rate = {.kind = schedule_kind::constant, .learning_rate = 0.01},
                               .muon = muon_options{},
                               .augment = {.pad = 2, .flip = true, .reflect = true, .alternate = true}});
  loss_watcher observer;
  run.run(observer);
  step_times times;
  for (auto _ : state) times.measure([&] { run.run(observer); });
  if (!(observer.loss < 100)) state.SkipWithError("the loss is not finite");
  report(state, times, batch);
}

template <class T>
void infer(benchmark::State& state, index_t samples) {
  using model = network<T, keyed, no_deny>;
  bound_model<model> m(samples);
  set_injector(*m.model, multiplicative{.gamma = 2});
  key_space keys = make_keys<model>();
  site_buffers buffers(keys.sites(), samples);
  keys.draw_valid({1, stream::evaluation}, samples, buffers.outputs());
  model_keys<float, model::sites.size()> bound{};
  buffers.bind(bound, 0, true);
  const packed_weights packed(*m.model);
  const std::vector<T> x(static_cast<std::size_t>(samples * cifar10_sample.size()), T(0.5F));
  const batch_view<const T, typename model::input> input(x.data(), samples);
  const auto step = [&] { benchmark::DoNotOptimize(m.model->forward(pass{}, input, bound).data()); };
  step();
  step_times times;
  for (auto _ : state) times.measure(step);
  report(state, times, samples);
}

template <class T>
void register_precision(const std::string& precision) {
  using state = benchmark::State;
  add("train/" + precision, [](state& s) { train<T, keyed, no_deny>(s, usual_batch); });
  add("train/" + precision + "/B", [](state& s) { train<T, keyed, reject_class>(s, usual_batch); });
  add("train/" + precision + "/fast", [](state& s) { train_fast<T>(s, 500); });
  add("train/" + precision + "/unkeyed", [](state& s) { train<T, ungated, no_deny>(s, usual_batch); });
  add("keys/" + precision + "/resnet18",
      [](state& s) { keys_alone<T>(s, make_keys<network<T, keyed, no_deny>>(), usual_batch, usual_batch); });
  add("keys/" + precision + "/fast", [](state& s) {
    using sites = at<0, 1, 2>;
    using fast = fast_cnn<cifar10_classes, gate<multiplicative, sites>, backend::cpu, T>;
    keys_alone<T>(s, make_keys<fast, sites>(), 500, 500);
  });
  for (const index_t samples : {usual_batch, index_t{1}})
    add("infer/" + precision + "/" + std::to_string(samples), [=](state& s) { infer<T>(s, samples); });

  const std::string ending = "/" + precision;
  for (const index_t batch : {8, 32, 128, 512})
    add("sweep/batch/" + std::to_string(batch) + ending,
        [=](state& s) { train<T, keyed, no_deny>(s, batch); });
  const index_t most = thread_count();
  for (index_t threads = 1; threads <= most;
       threads = threads < most ? std::min(2 * threads, most) : most + 1)
    add("sweep/threads/" + std::to_string(threads) + ending, [=](state& s) {
      const thread_limit limit(threads);
      train<T, keyed, no_deny>(s, usual_batch);
    });
  add("sweep/groups/1" + ending, [](state& s) { train<T, keyed, no_deny>(s, usual_batch); });
  add("sweep/groups/2" + ending, [](state& s) { train<T, keyed, reject_class>(s, usual_batch); });
  add("sweep/groups/3" + ending,
      [](state& s) { train<T, keyed, reject_class>(s, usual_batch, deny_on::wrong_and_none); });
}

}  // namespace

int main(int argc, char** argv) {
  register_precision<float>("fp32");
  register_precision<bf16>("bf16");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
