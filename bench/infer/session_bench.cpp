// Latency of one sample through infer::session and, beside it, through the training library's own forward pass with
// packed weights: same model, same key, same kernels. Verified to agree before anything is timed. And of a session whose key
// changes at every request: another one of the same space is bound before each sample, without and with a syndrome that the
// image asks it by.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "spankey/infer/make_image.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/lock/syndrome_guard.hpp"
#include "spankey/spankey.hpp"

namespace {

using namespace spankey;

template <class T>
std::span<std::byte> aligned_block(std::vector<T>& memory, std::size_t bytes) {
  memory.resize(bytes / sizeof(T) + infer::image_alignment);
  auto* const first = reinterpret_cast<std::byte*>(memory.data());
  const std::size_t off = reinterpret_cast<std::uintptr_t>(first) % infer::image_alignment;
  return {first + (infer::image_alignment - off) % infer::image_alignment, bytes};
}

enum class timed { library, session, key_each_time, asked_each_time };

// One network behind both: random weights, valid keys at every site.
template <class Model, class Weight>
struct both_ways {
  std::unique_ptr<Model> model = std::make_unique<Model>();
  arena memory{*model, 1};
  std::vector<float> x = std::vector<float>(static_cast<std::size_t>(Model::input::size), 0.5F);
  key_space keys;
  site_buffers buffers;
  model_keys<float, Model::sites.size()> bound{};
  std::vector<std::byte> image_bytes, working_bytes;
  infer::session<Model, Weight> session;
  infer::answer<Model> answer;

  static constexpr std::size_t fresh_keys = 16;
  std::vector<std::vector<std::vector<float>>> fresh;  // of every request and site, as bind() takes them
  std::size_t request = 0;

  explicit both_ways(std::span<const int> sites, bool asks)
      : keys({.rescale = rescale_kind::per_key, .per_site_key = true}, sites_of<Model>(sites)),
        buffers(keys.sites(), 1) {
    initialise(*model, 1);
    set_injector(*model, multiplicative{.gamma = 2});
    for (std::size_t n = 0; n < fresh_keys; ++n) fresh.push_back(key_of(n));
    buffers.bind(bound, 0, true);
    std::unique_ptr<syndrome_gate<Model>> guards;
    if (asks) guards = std::make_unique<syndrome_gate<Model>>(*model, keys);

    const std::vector<std::byte> made = infer::make_image<Weight>(*model, Model::outputs.softmax);
    const auto image = aligned_block(image_bytes, made.size());
    std::copy(made.begin(), made.end(), image.begin());
    using session_type = infer::session<Model, Weight>;
    if (session.open(image, aligned_block(working_bytes, session_type::memory_bytes)) != infer::status::ok)
      fail("bench.101", "session", "does not open");
    bind(fresh_keys - 1);  // which the buffers hold
  }

  // The buffers hold keys as they lie in memory; bind() takes them as files number them.
  std::vector<std::vector<float>> key_of(std::size_t n) {
    keys.draw_valid({1, stream::evaluation, n}, 1, buffers.outputs());
    std::vector<std::vector<float>> key;
    for (std::size_t s = 0; s < keys.sites().size(); ++s) {
      const extents& shape = keys.sites()[s].shape;
      key.emplace_back(static_cast<std::size_t>(shape.size()));
      for (index_t i = 0; i < shape.size(); ++i)
        key.back()[static_cast<std::size_t>(file_index(shape, i))] = buffers.outputs()[s][i];
    }
    return key;
  }
  void bind(std::size_t n) {
    std::array<std::span<const float>, Model::sites.size()> views;
    std::copy(fresh[n].begin(), fresh[n].end(), views.begin());
    if (session.bind(std::span(views).first(fresh[n].size())) != infer::status::ok)
      fail("bench.101", "session", "does not bind");
  }
  const float* next_request() {
    bind(request++ % fresh_keys);
    return product();
  }

  const float* library() { return model->forward(pass{}, {x.data(), 1}, bound).data(); }
  const float* product() {
    if (session.run_normalised(x, answer) != infer::status::ok) return nullptr;
    return answer.logits.data();
  }
  [[nodiscard]] double distance() {
    const float *want = library(), *got = product();
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < answer.logits.size(); ++i) {
      difference += std::pow(static_cast<double>(got[i] - want[i]), 2);
      norm += std::pow(static_cast<double>(want[i]), 2);
    }
    return std::sqrt(difference / norm);
  }
};

template <class Model, class Weight>
void add(const std::string& name, std::span<const int> sites, double tolerance) {
  const auto run = [=](benchmark::State& state, timed what) {
    both_ways<Model, Weight> network(sites, what == timed::asked_each_time);
    const packed_weights packed(*network.model);
    if (!(network.distance() < tolerance)) return state.SkipWithError("session and library disagree");
    for (auto _ : state)
      benchmark::DoNotOptimize(what == timed::library   ? network.library()
                               : what == timed::session ? network.product()
                                                        : network.next_request());
    state.SetLabel(std::string(name_of(active_isa())) + ", " + std::to_string(thread_count()) + " threads");
  };
  const std::pair<timed, const char*> ways[] = {{timed::library, "/library"},
                                                {timed::session, "/session"},
                                                {timed::key_each_time, "/session, a key a request"},
                                                {timed::asked_each_time, "/session, a key a request, asked"}};
  for (const auto& [what, way] : ways) {
    const std::string whole = name + way;
    const timed chosen = what;
    benchmark::RegisterBenchmark(whole.c_str(), [=](benchmark::State& s) { run(s, chosen); })
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime();
  }
}

template <int... Sites>
using keyed = gate<multiplicative, at<Sites...>>;

}  // namespace

int main(int argc, char** argv) {
  using large = resnet18<10, keyed<0, 2, 3, 4>, backend::cpu, float>;
  using small = small_cnn<11, keyed<1, 2>, backend::cpu, float>;
  add<large, float>("resnet18/fp32", at<0, 2, 3, 4>::numbers, 1e-4);
  add<large, std::int8_t>("resnet18/int8", at<0, 2, 3, 4>::numbers, 0.1);
  add<small, float>("small_cnn/fp32", at<1, 2>::numbers, 1e-4);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
