// Tokens a second of sessions of GPT-2's shape (124 million parameters, random) and of SmolLM2's (135 million), one at a time, and
// beside them how often as many bytes can be read: every token reads all weights once, so that is the machine's limit.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "spankey/infer/make_image.hpp"
#include "spankey/infer/sized_session.hpp"
#include "spankey/infer/sized_tables.hpp"
#include "spankey/model/llama.hpp"
#include "spankey/spankey.hpp"
#include "step/training_step.hpp"

namespace {

using namespace spankey;
using model_type = sized_model<runtime, backend::cpu, float>;

constexpr index_t window = 64;
enum class shape_of { gpt2, smollm2 };
template <shape_of Shape>
const layer_list& network() {
  static const layer_list list = [] {
    if constexpr (Shape == shape_of::gpt2) {
      gpt_size size = gpt2;
      size.tokens = window;
      return gpt_on(size, size.vocabulary);
    } else {
      llama_size size = smollm2_135m;
      size.context = window;
      return llama_on(size, size.vocabulary);
    }
  }();
  return list;
}

struct block {
  std::vector<std::byte> bytes;
  explicit block(std::size_t size) : bytes(size + infer::image_alignment) {}
  std::span<std::byte> span() {
    const std::size_t off = reinterpret_cast<std::uintptr_t>(bytes.data()) % infer::image_alignment;
    return std::span(bytes).subspan((infer::image_alignment - off) % infer::image_alignment,
                                    bytes.size() - infer::image_alignment);
  }
};

template <shape_of Shape, class Weight>
std::unique_ptr<block> random_image() {
  auto model = std::make_unique<model_type>(network<Shape>());
  set_gate(*model, runtime{injector_kind::none, 0}, {});
  const arena memory(*model, 1);
  initialise(*model, 1);
  const std::vector<std::byte> made = infer::make_image<Weight>(*model, network<Shape>().outputs());
  auto image = std::make_unique<block>(made.size());
  std::copy(made.begin(), made.end(), image->span().begin());
  return image;
}

template <shape_of Shape, class Weight>
void generate(benchmark::State& state) {
  const std::unique_ptr<block> image = random_image<Shape, Weight>();
  const infer::sized_tables<backend::cpu, Weight> tables(network<Shape>());
  block memory(tables.memory_bytes());
  infer::sized_session<backend::cpu, Weight> session(tables.tables());
  if (session.open(image->span(), memory.span()) != infer::status::ok)
    return state.SkipWithError("the session does not open");
  std::vector<float> logits(static_cast<std::size_t>(index_t{network<Shape>().outputs()}));
  infer::verdict found;
  bench::step_times times;
  for (auto _ : state) {
    if (session.position() == session.context()) session.restart();
    infer::status said{};
    times.measure([&] { said = session.read(session.position(), logits, found); });
    if (said != infer::status::ok) return state.SkipWithError("the session does not answer");
  }
  bench::report(state, times, 1);
}

// All threads read pieces of a block as large as an image of such weights, which no cache holds.
template <shape_of Shape, class Weight>
void read(benchmark::State& state) {
  const infer::sized_tables<backend::cpu, Weight> tables(network<Shape>());
  const std::size_t count = tables.tables().image.bytes / sizeof(float);
  const std::vector<float> numbers(count, 1.0F);
  constexpr index_t piece = 1 << 16;
  std::vector<float> sums(count / piece);
  bench::step_times times;
  for (auto _ : state) {
    times.measure([&] {
      parallel_for(static_cast<index_t>(sums.size()), [&](index_t task) {
        float lanes[64] = {};
        const float* const from = numbers.data() + task * piece;
        for (index_t i = 0; i < piece; i += 64)
          for (index_t k = 0; k < 64; ++k) lanes[k] += from[i + k];
        sums[static_cast<std::size_t>(task)] = std::accumulate(lanes, lanes + 64, 0.0F);
      });
    });
    benchmark::DoNotOptimize(sums.data());
  }
  bench::report(state, times, 1);
}

}  // namespace

BENCHMARK(generate<shape_of::gpt2, float>)
    ->Name("generate/fp32")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(generate<shape_of::gpt2, bf16>)
    ->Name("generate/bf16")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(generate<shape_of::gpt2, int8_blocks>)
    ->Name("generate/int8")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(read<shape_of::gpt2, float>)->Name("read/fp32")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(read<shape_of::gpt2, bf16>)->Name("read/bf16")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(read<shape_of::gpt2, int8_blocks>)->Name("read/int8")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(generate<shape_of::smollm2, float>)
    ->Name("generate_smollm2/fp32")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(generate<shape_of::smollm2, bf16>)
    ->Name("generate_smollm2/bf16")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(generate<shape_of::smollm2, int8_blocks>)
    ->Name("generate_smollm2/int8")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(read<shape_of::smollm2, float>)
    ->Name("read_smollm2/fp32")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(read<shape_of::smollm2, bf16>)
    ->Name("read_smollm2/bf16")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(read<shape_of::smollm2, int8_blocks>)
    ->Name("read_smollm2/int8")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
