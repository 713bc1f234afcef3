// Training steps of transformers, AdamW, next to pytorch_peer.py's: batches and keys, forward, loss, backward, update.
//   train/PRECISION/vit       ViT-Tiny on 32x32 images, batch 128, mode B, keys (mul, gamma 2) at sites 0 and 1
//   train/PRECISION/gpt       6 blocks of 384 channels, 12 windows of 256 tokens, no gate; rates are of tokens
//   train/PRECISION/gpt-nano  4 blocks of 128 channels, 12 windows of 64 tokens, no gate
//   train/PRECISION/gpt2      124 million parameters, 4 windows of 64 tokens, no gate
//   keys/PRECISION/NETWORK    what keys at both sites cost by themselves, drawn for every sample
// compare_pytorch.py runs both and prints ratios. Models are of run-time sizes: one of each precision is compiled.
#include <memory>
#include <utility>

#include "step/training_step.hpp"

namespace {

using namespace bench;

// A run is an epoch, which looks at all weights and memory at its end: of small steps it has several.
constexpr index_t vit_batch = 128, windows = 12, gpt2_windows = 4;
constexpr gpt_size gpt_nano_64{.context = 64};
constexpr gpt_size gpt2_64 = [] {
  gpt_size size = gpt2;
  size.tokens = 64;
  return size;
}();

template <class T>
using network = sized_model<multiplicative, backend::cpu, T>;

layer_list vit_list() { return vit_tiny_on(cifar10_sample, reject_class::outputs(cifar10_classes)); }
layer_list gpt_list(const gpt_size& size) { return gpt_on(size, size.vocabulary); }

template <class T>
struct bound_network {
  bound_network(const layer_list& list, index_t samples, bool gated) : model(list) {
    model.for_each_site([=](int, auto& site) { site.enabled = gated; });
    set_injector(model, multiplicative{.gamma = 2});
    keep_second_moment(model);
    memory = std::make_unique<arena>(model, samples);
    initialise(model, 1);
  }
  network<T> model;
  std::unique_ptr<arena> memory;
};

key_space make_keys(const layer_list& list) {
  std::vector<site> sites;
  for (std::size_t i = 0; i < list.site_count(); ++i)
    sites.push_back({static_cast<int>(i), list.site_shape(i)});
  return {{.per_site_key = true, .per_site_basis = true}, std::move(sites)};
}

// Times from the end of a step to the end of the next, or from the beginning of a run. Keeps the last loss, so that a diverged
// run is not taken for a fast one.
struct step_watch {
  step_times times;
  double loss = 0;
  step_times::clock::time_point before;
  void on_step(const step_record& r) {
    const auto now = step_times::clock::now();
    times.add(now - before);
    before = now;
    loss = r.loss;
  }
  void on_epoch(const epoch_record&) {}
};

template <class T, class Deny, class Data>
void train(benchmark::State& state, const layer_list& list, const objective<Deny>& goal, key_space* keys,
           const Data& data, index_t batch, index_t items) {
  bound_network<T> m(list, goal.groups() * batch, keys != nullptr);
  trainer run(m.model, goal, keys, data,
              training_options{.epochs = 1, .batch = batch, .rate = {.learning_rate = 3e-4}, .adam = adamw});
  silent_observer first;
  run.run(first);  // touches all memory
  step_watch watch;
  for (auto _ : state) {
    watch.before = step_times::clock::now();
    run.run(watch);
  }
  if (!(watch.loss < 100)) state.SkipWithError("the loss is not finite");
  report(state, watch.times, items);
}

template <class T>
void train_vit(benchmark::State& state) {
  const image_dataset data = make_glyphs(vit_batch, 1, split::train, cifar10_sample);
  key_space keys = make_keys(vit_list());
  train<T>(state, vit_list(), objective<reject_class>{.classes = cifar10_classes}, &keys, data, vit_batch,
           vit_batch);
}

template <class T>
void train_gpt(benchmark::State& state, const gpt_size& size, index_t batch, index_t steps) {
  const index_t tokens = batch * size.length();
  std::string text = grammar_text(1, 0, 2000);
  text.resize(static_cast<std::size_t>(steps * tokens));
  const text_dataset data("grammar", {text_in_memory(std::move(text))}, size.length());
  train<T>(state, gpt_list(size), objective<no_deny>{.classes = data.classes}, nullptr, data, batch, tokens);
}

template <class T>
void register_precision(const std::string& precision) {
  using state = benchmark::State;
  const std::string train = "train/" + precision, keys = "keys/" + precision;
  add(train + "/vit", [](state& s) { train_vit<T>(s); });
  add(train + "/gpt", [](state& s) { train_gpt<T>(s, gpt_mini, windows, 1); });
  add(train + "/gpt-nano", [](state& s) { train_gpt<T>(s, gpt_nano_64, windows, 16); });
  add(train + "/gpt2", [](state& s) { train_gpt<T>(s, gpt2_64, gpt2_windows, 4); });
  add(keys + "/vit", [](state& s) { keys_alone<T>(s, make_keys(vit_list()), vit_batch, vit_batch); });
  add(keys + "/gpt", [](state& s) {
    keys_alone<T>(s, make_keys(gpt_list(gpt_mini)), windows, windows * gpt_mini.length());
  });
}

}  // namespace

int main(int argc, char** argv) {
  register_precision<float>("fp32");
  register_precision<bf16>("bf16");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
