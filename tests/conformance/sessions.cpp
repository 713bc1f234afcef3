// What sessions answer to the samples of a case, beside the evaluation pass of the training library.
//
//   eval.valid, eval.none                            (n, outputs), with the valid keys and without a key
//   session.<fp32|bf16|int8>.<engine>.<valid|none>   the same, from an image of weights of that type
// The engines: reference, plain loops; cpu, the backend's kernels.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "run.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/infer/sized_session.hpp"
#include "spankey/infer/sized_tables.hpp"
#include "spankey/model/sized_model.hpp"
#include "tensors.hpp"

namespace conformance {
namespace {

namespace infer = spankey::infer;
using network = spankey::sized_model<spankey::runtime, spankey::backend::cpu, float>;

/// Samples in memory order, and the keys of the sites that are on in files' order, as sessions take them.
struct questions {
  index_t count;
  std::vector<float> x;
  std::vector<std::vector<float>> keys;

  [[nodiscard]] std::span<const float> sample(index_t i) const { return row(x, i); }
  [[nodiscard]] std::vector<std::span<const float>> keys_of(index_t i) const {
    std::vector<std::span<const float>> all;
    for (const auto& site : keys) all.push_back(row(site, i));
    return all;
  }

 private:
  [[nodiscard]] std::span<const float> row(const std::vector<float>& of, index_t i) const {
    const std::size_t size = of.size() / static_cast<std::size_t>(count);
    return std::span(of).subspan(static_cast<std::size_t>(i) * size, size);
  }
};

void require_ok(infer::status s) {
  if (s != infer::status::ok) fail("case.117", "session", infer::message_of(s));
}

template <class Backend, class Weight>
void add_answers(safetensors_writer& result, const std::string& name, const conformance_case& c,
                 std::span<const std::byte> image, const questions& asked) {
  const infer::sized_tables<Backend, Weight> tables(c.layers);
  std::vector<float> memory(tables.memory_bytes() / sizeof(float) + infer::image_alignment);
  const std::size_t misplaced = reinterpret_cast<std::uintptr_t>(memory.data()) % infer::image_alignment;
  const std::size_t skipped = misplaced == 0 ? 0 : (infer::image_alignment - misplaced) / sizeof(float);
  infer::sized_session<Backend, Weight> session(tables.tables());
  require_ok(session.open(image, std::as_writable_bytes(std::span(memory).subspan(skipped))));
  const auto outputs = static_cast<std::size_t>(index_t{c.layers.outputs()});
  for (const bool keyed : {true, false}) {
    if (keyed && asked.keys.empty()) continue;
    if (!keyed) session.wipe_key();
    std::vector<float> logits(static_cast<std::size_t>(asked.count) * outputs);
    for (index_t i = 0; i < asked.count; ++i) {
      infer::verdict found;
      if (keyed) require_ok(session.bind(asked.keys_of(i)));
      require_ok(session.run_normalised(
          asked.sample(i), std::span(logits).subspan(static_cast<std::size_t>(i) * outputs, outputs), found));
    }
    result.add_f32(name + (keyed ? ".valid" : ".none"), {asked.count, c.layers.outputs()}, logits);
  }
}

template <class Weight>
void add_sessions(safetensors_writer& result, const std::string& weights, const conformance_case& c,
                  network& model, const questions& asked) {
  const std::vector<std::byte> image = infer::make_image<Weight>(model, c.classes);
  const std::string name = "session." + weights;
  add_answers<spankey::backend::reference, Weight>(result, name + ".reference", c, image, asked);
  add_answers<spankey::backend::cpu, Weight>(result, name + ".cpu", c, image, asked);
}

}  // namespace

safetensors_writer run_sessions(const conformance_case& c, const safetensors_file& file) {
  if (c.of_tokens) fail("case.119", file.name(), "metadata \"model\": found gpt, which no session runs");
  const index_t n = check_tensors(c, file);
  network model(c.layers);
  set_gate(model, c.injector, c.sites);
  require_memory_for(model, file, n);
  const spankey::arena memory(model, n);
  load_weights(model, file, {"param.", "buffer."});

  questions asked{n, read_samples<float>(c, file, n), {}};
  std::vector<spankey::site_keys<float>> keys(c.layers.site_count());
  std::vector<std::vector<float>> valid(c.layers.site_count());
  for (std::size_t site = 0; site < keys.size(); ++site) {
    const int number = static_cast<int>(site);
    if (std::find(c.sites.begin(), c.sites.end(), number) == c.sites.end()) continue;
    const extents& e = c.layers.site_shape(site);
    valid[site] = read_keys<float>(c, file, valid_key(number), e, n);
    keys[site].group[0] = {valid[site], e.size()};
    asked.keys.push_back(channels_first(valid[site].data(), n * e.size(), e));
  }

  safetensors_writer result;
  for (const bool keyed : {true, false}) {
    if (keyed && asked.keys.empty()) continue;
    const float* const logits = model.forward({.groups = 1, .training = false}, asked.x.data(), n,
                                              keyed ? keys : decltype(keys)(keys.size()));
    const std::size_t count = static_cast<std::size_t>(n * model.head());
    result.add_f32(keyed ? "eval.valid" : "eval.none", {n, model.head()}, {logits, count});
  }
  add_sessions<float>(result, "fp32", c, model, asked);
  add_sessions<spankey::bf16>(result, "bf16", c, model, asked);
  add_sessions<std::int8_t>(result, "int8", c, model, asked);
  return result;
}

}  // namespace conformance
