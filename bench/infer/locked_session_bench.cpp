// Latency of one sample of a locked network: the key bound into the weights (lock/unlock_image.hpp), which costs nothing a call,
// and onto the activations (lock/activation_maps.hpp), plain and whitened. All answer alike before anything is timed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spankey/infer/make_image.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/lock/activation_maps.hpp"
#include "spankey/lock/unlock_image.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/spankey.hpp"

namespace {

using namespace spankey;

enum class bound { into_weights, onto_activations, onto_activations_whitened };

struct aligned_block {
  std::vector<std::byte> bytes;
  std::size_t size;
  explicit aligned_block(std::size_t count) : bytes(count + infer::image_alignment), size(count) {}
  std::span<std::byte> span() {
    const std::size_t off = reinterpret_cast<std::uintptr_t>(bytes.data()) % infer::image_alignment;
    return {bytes.data() + (infer::image_alignment - off) % infer::image_alignment, size};
  }
};

template <class Model>
struct locked_network {
  using session_type = infer::session<Model>;
  aligned_block image{session_type::image_bytes}, memory{session_type::memory_bytes},
      maps{infer::activation_maps_bytes(Model::list, true)}, mapped{session_type::map_memory_bytes};
  session_type session;
  infer::answer<Model> answer;
  std::vector<float> x = std::vector<float>(static_cast<std::size_t>(Model::input::size), 0.5F), open;

  explicit locked_network(bound how) {
    const auto model = std::make_unique<Model>();
    const arena of_model(*model, 1);
    initialise(*model, 1);
    show(infer::make_image<float>(*model, Model::outputs.softmax));
    open.assign(answer.logits.begin(), answer.logits.end());
    const master_key key = draw_master_key();
    const entangled_lock lock =
        lock_entangled(*model, key, {.layers = {}, .whiten = how == bound::onto_activations_whitened});
    std::vector<std::byte> made = infer::make_image<float>(*model, Model::outputs.softmax);
    if (how == bound::into_weights) {
      std::copy(made.begin(), made.end(), image.span().begin());
      unlock_image<float>(Model::list, image.span(), key, lock);
      made.assign(image.span().begin(), image.span().end());
    }
    show(made);
    if (how == bound::into_weights) return;
    (void)write_activation_maps(Model::list, image.span(), key, lock, maps.span());
    require(session.bind_maps(maps.span(), mapped.span()));
  }
  const float* run() {
    require(session.run_normalised(x, answer));
    return answer.logits.data();
  }
  [[nodiscard]] double distance() {
    run();
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < open.size(); ++i) {
      difference += std::pow(static_cast<double>(answer.logits[i] - open[i]), 2);
      norm += std::pow(static_cast<double>(open[i]), 2);
    }
    return std::sqrt(difference / norm);
  }

 private:
  static void require(infer::status s) {
    if (s != infer::status::ok) fail("bench.101", "session", infer::message_of(s));
  }
  void show(const std::vector<std::byte>& made) {
    std::copy(made.begin(), made.end(), image.span().begin());
    require(session.open(image.span(), memory.span()));
    run();
  }
};

template <class Model>
void add(const std::string& name) {
  const auto run = [](benchmark::State& state, bound how) {
    locked_network<Model> network(how);
    if (!(network.distance() < 1e-5)) return state.SkipWithError("locked and open network disagree");
    for (auto _ : state) benchmark::DoNotOptimize(network.run());
    state.SetLabel(std::string(name_of(active_isa())) + ", " + std::to_string(thread_count()) + " threads");
  };
  const auto one = [&](const char* how_named, bound how) {
    benchmark::RegisterBenchmark((name + how_named).c_str(), [=](benchmark::State& s) { run(s, how); })
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime();
  };
  one("/into_weights", bound::into_weights);
  one("/onto_activations", bound::onto_activations);
  one("/onto_activations_whitened", bound::onto_activations_whitened);
}

}  // namespace

int main(int argc, char** argv) {
  add<resnet18<10, ungated, backend::cpu, float>>("locked/resnet18/fp32");
  add<small_cnn<10, ungated, backend::cpu, float>>("locked/small_cnn/fp32");
  add<small_cnn<10, ungated, backend::reference, float>>("locked/small_cnn/fp32/reference");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
