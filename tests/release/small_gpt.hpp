// A gpt small enough for a test, of drawn weights, and text for it.
#pragma once

#include <string>
#include <vector>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/grammar.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/release/release_scheme.hpp"

namespace spankey_test {

using small_backend = spankey::backend::cpu;

inline constexpr spankey::gpt_size small_size{
    .vocabulary = 272, .context = 24, .channels = 16, .layers = 2, .heads = 2};

struct small_gpt {
  spankey::layer_list list = spankey::gpt_on(small_size, spankey::head_outputs(small_size.vocabulary));
  spankey::released_model<small_backend> model{list};
  spankey::arena memory{model, 1};

  /// As training leaves them: drawn, not so small that every neuron is linear.
  explicit small_gpt(std::uint64_t seed = 1) {
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

inline std::vector<spankey::neuron_ranges> small_ranges(small_gpt& held) {
  return spankey::calibrate<small_backend>(held.network(), [](auto& session, auto& watcher) {
    read_windows(session, small_text(3, 480), [&](spankey::index_t t) { (void)session.read(t, &watcher); });
  });
}

}  // namespace spankey_test
