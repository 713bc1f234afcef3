// Which network a key was issued for: a number that the weights, the head and the gate decide, and nothing else.
//
//   FNV-1a (core/word_checksum.hpp) over: the model's name (32 bytes, zeros behind it), softmax outputs, reject logits,
//   injector, sites and the bits of gamma, as a weight image's header has them; every parameter in the model's order,
//   its elements as float32 in the order of files (O, I, H, W); every state; of a network that asks keys first, the bits of
//   the limit and the rows of every site. 0 is written as 1: 0 means that there is none.
// Images of one run in fp32, bf16 and int8 have the same. It tells runs apart and is no defence: anybody can write any
// number into a key file, and gains nothing by it, since the key decides what the network answers.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "spankey/core/arena.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/head_outputs.hpp"
#include "spankey/core/word_checksum.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey::infer {

/// What conditions a model, as images store it.
struct gate_parts {
  injector_kind injector = injector_kind::none;
  index_t readings = 0;  // of the injector reading
  float gamma = 0;
  std::uint32_t sites = 0;  // bit n: site n takes a key
  bool guarded = false;     // some site has a guard

  /// As the header of an image has it (infer/image.hpp).
  [[nodiscard]] std::uint32_t injector_word() const {
    return static_cast<std::uint32_t>(injector) | static_cast<std::uint32_t>(readings) << 16U;
  }
};

/// Fails with infer.105 where a gate's injector was never set.
template <class Model>
gate_parts gate_of(Model& model) {
  gate_parts gate;
  model.for_each_site([&](int site, auto& layer) {
    if (!layer.enabled) return;
    if (layer.guard != nullptr) gate.guarded = true, gate.sites |= 1U << site;
    const auto keep = [&](const auto& policy) {
      using policy_type = std::remove_cvref_t<decltype(policy)>;
      if constexpr (!std::is_same_v<policy_type, none>) {
        constexpr bool reads = std::is_same_v<policy_type, reading>;
        static_assert(
            std::is_same_v<policy_type, additive> || std::is_same_v<policy_type, multiplicative> || reads,
            "SpanKey: images know the injectors additive, multiplicative and reading; another one has no "
            "code");
        gate.injector = reads                                   ? injector_kind::reading
                        : std::is_same_v<policy_type, additive> ? injector_kind::additive
                                                                : injector_kind::multiplicative;
        if constexpr (reads) gate.readings = policy.readings;
        if (!policy.is_set())
          fail("infer.105", "make_image", "found an injector at site ", site,
               " whose strength nobody set; expected set_injector(model, policy) before");
        gate.gamma = policy.gamma;
        gate.sites |= 1U << site;
      }
    };
    if constexpr (requires { layer.injector.visit(keep); }) {
      layer.injector.visit(keep);
    } else {
      keep(layer.injector);
    }
  });
  return gate;
}

/// Of a model in the host's memory; the same on every machine, for every precision and type of weights.
template <class Model>
std::uint64_t fingerprint_of(Model& model) {
  std::uint64_t sum = word_checksum_start;
  std::array<char, 32> name{};
  const typename Model::network_type& network = model;
  network.name().copy(name.data(), name.size() - 1);
  const head_outputs outputs = network.head();
  sum = word_checksum(reinterpret_cast<const std::byte*>(name.data()), name.size(), sum);
  const gate_parts gate = gate_of(model);
  for (const std::uint32_t word :
       {static_cast<std::uint32_t>(outputs.softmax), outputs.aux == aux_logit::none ? 0U : 1U,
        gate.injector_word(), gate.sites, std::bit_cast<std::uint32_t>(gate.gamma)})
    sum = with_word(sum, word);
  std::vector<float> values;
  const auto add_values = [&] {
    sum =
        word_checksum(reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(float), sum);
  };
  model.for_each_parameter([&](const scope&, auto& p) {
    values.resize(static_cast<std::size_t>(p.dims.size()));
    p.dims.for_each_position([&](index_t memory, index_t file) {
      values[static_cast<std::size_t>(file)] = static_cast<float>(p.value.data[memory]);
    });
    add_values();
  });
  model.for_each_state([&](const scope&, auto& s) {
    values.clear();
    for (index_t i = 0; i < s.count; ++i) values.push_back(static_cast<float>(s.value.data[i]));
    add_values();
  });
  model.for_each_site([&](int, auto& site) {
    if (!site.enabled || site.guard == nullptr) return;
    const auto told = site.guard->tells_by();
    const auto bits = std::bit_cast<std::uint64_t>(told.limit);
    sum = with_word(with_word(sum, static_cast<std::uint32_t>(bits)), static_cast<std::uint32_t>(bits >> 32));
    const auto count = static_cast<std::size_t>(told.count * site.geometry().key_size());
    sum = word_checksum(reinterpret_cast<const std::byte*>(told.values), count * sizeof(float), sum);
  });
  return sum == 0 ? 1 : sum;
}

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
