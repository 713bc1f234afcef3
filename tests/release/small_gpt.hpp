// A gpt and a llama small enough for a test, of drawn weights, and text for them.
#pragma once

#include <string>
#include <vector>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/grammar.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/llama.hpp"
#include "spankey/release/calibration.hpp"
#include "spankey/release/release_scheme.hpp"

namespace spankey_test {

using small_backend = spankey::backend::cpu;

inline constexpr spankey::gpt_size small_size{
    .vocabulary = 272, .context = 24, .channels = 16, .layers = 2, .heads = 2};

inline constexpr spankey::llama_size small_llama_size{.vocabulary = small_size.vocabulary,
                                                      .context = small_size.context,
                                                      .channels = 16,
                                                      .hidden = 42,
                                                      .layers = 2,
                                                      .heads = 2,
                                                      .kv_heads = 1};

struct small_network {
  spankey::layer_list list;
  spankey::released_model<small_backend> model{list};
  spankey::arena memory{model, 1};

  /// As training leaves them: drawn, not so small that every neuron is linear.
  small_network(const spankey::layer_list& of, std::uint64_t seed) : list(of) {
    spankey::initialise(model, seed);
    const spankey::random_source source(seed, spankey::stream::weights, 9);
    std::uint64_t next = 0;
    model.for_each_parameter([&](const spankey::scope&, auto& p) {
      for (spankey::index_t i = 0; i < p.dims.size(); ++i)
        p.value.data[i] = p.value.data[i] * (p.dims.file_rank == 2 ? 6.0F : 1.0F) +
                          0.02F * static_cast<float>(source.gaussian(next++));
    });
  }
  [[nodiscard]] spankey::open_network<spankey::released_model<small_backend>> network() {
    return {list, model};
  }
};
struct small_gpt : small_network {
  explicit small_gpt(std::uint64_t seed = 1)
      : small_network(spankey::gpt_on(small_size, spankey::head_outputs(small_size.vocabulary)), seed) {}
};
struct small_llama : small_network {
  explicit small_llama(std::uint64_t seed = 1)
      : small_network(spankey::llama_on(small_llama_size, spankey::head_outputs(small_llama_size.vocabulary)),
                      seed) {}
};

inline std::vector<spankey::index_t> small_text(std::uint64_t seed, std::size_t count) {
  std::vector<spankey::index_t> tokens;
  for (std::uint64_t i = 0; tokens.size() < count; ++i)
    for (const char c : spankey::grammar_sentence(seed, i)) tokens.push_back(static_cast<unsigned char>(c));
  tokens.resize(count);
  return tokens;
}

/// Windows side by side.
template <class Session, class Read>
void read_windows(Session& session, const std::vector<spankey::index_t>& tokens, const Read& read) {
  for (const spankey::index_t token : tokens) {
    if (session.position() == session.context()) session.restart();
    read(token);
  }
}

inline std::vector<spankey::neuron_ranges> small_ranges(small_network& held) {
  return spankey::calibrate<small_backend>(held.network(), [](auto& session, auto& watcher) {
    read_windows(session, small_text(3, 480), [&](spankey::index_t t) { (void)session.read(t, &watcher); });
  });
}

}  // namespace spankey_test
