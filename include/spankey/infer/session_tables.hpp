// What a session knows of a network before it has an image: the image's parts, and where everything lies in its working
// memory. Of a model with static sizes all of it is constants.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "spankey/infer/activation_maps.hpp"
#include "spankey/infer/engine.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/infer/key_effects.hpp"

namespace spankey::infer {

struct session_tables {
  image_tables image{};
  std::span<const extents> sites{};
  std::uint32_t gate = 0;  // bit n: the gate has site n
  int input_site = no_site;
  key_shape input_key = key_shape::element;
  index_t context = 0;  // most tokens of a window; 0 where the network reads no tokens
  // Offsets in floats: prepared weights, and behind them what a key leaves traces in: slots, scratch, its effects, and what
  // attentions keep of a window.
  std::span<const std::size_t> prepared{}, slot{}, effect{};
  std::size_t traces = 0, scratch = 0, cache = 0, total = 0;
  map_memory mapped{};  // a memory of its own

  /// Without its channels where a session of these kinds does not want them.
  template <kind_set Kinds = every_kind>
  [[nodiscard]] constexpr keyed_site keyed(std::size_t number) const {
    if constexpr ((Kinds & read_keys) == 0) return {sites[number], 0};
    const int site = static_cast<int>(number);
    if (site == input_site) return {sites[number], image.input.channels};
    for (const operation& op : image.operations)
      if (op.site == site) return {sites[number], op.channels};
    return {sites[number], 0};
  }
};

/// Sites, a bit each, whose keys act on single elements: others are of training alone.
constexpr std::uint32_t elementwise_sites(const layer_list& list) {
  std::uint32_t all = 0;
  for (const layer_description& d : list)
    if (d.kind == layer_kind::site && d.key != key_shape::matrix) all |= std::uint32_t{1} << d.site;
  return all;
}

/// Where the offsets are written that belong to the tables of the same names.
struct session_offsets {
  std::span<std::size_t> prepared, slot, effect;
};

/// Places the working memory of a session; `t` has everything but offsets. Runs: the engine.
template <class Runs>
constexpr void place_memory(session_tables& t, const session_offsets& to) {
  std::array<index_t, operation_table::most_slots> sizes{};
  index_t scratch = 0, cache = 0;
  sizes[0] = t.image.input.size();  // pixels once they are normalised, or the input with its key
  for (const operation& op : t.image.operations) {
    index_t& size = sizes[static_cast<std::size_t>(op.writes)];
    size = std::max(size, op.out().size());
    scratch = std::max(scratch, Runs::scratch_size(op));
    cache += op.cache_size();
    t.context = op.context;
  }
  const auto reserve = [&](index_t floats) {
    const std::size_t at = t.total;
    t.total += aligned(static_cast<std::size_t>(floats) * sizeof(float)) / sizeof(float);
    return at;
  };
  for (std::size_t i = 0; i < to.prepared.size(); ++i)
    to.prepared[i] = reserve(Runs::prepared_size(t.image.operations[i]));
  t.traces = t.total;
  for (std::size_t i = 0; i < to.slot.size(); ++i) to.slot[i] = reserve(sizes[i]);
  t.scratch = reserve(scratch);
  for (std::size_t i = 0; i < to.effect.size(); ++i)
    to.effect[i] = reserve((t.gate >> i & 1U) != 0 ? t.keyed(i).effect_size() : 0);
  t.cache = reserve(cache);
}

/// Of a model with static sizes.
template <class Model, ImageWeight Weight>
class session_constants {
  using layout = image_layout<Model, Weight>;
  using runs = engine<typename Model::backend_type, Weight>;
  struct all_offsets {
    std::array<std::size_t, layout::operations.size()> prepared{};
    std::array<std::size_t, architecture<Model>::slots> slot{};
    std::array<std::size_t, Model::sites.size()> effect{};
  };
  static constexpr session_tables begun() {
    session_tables t{.image = layout::tables,
                     .sites = Model::sites,
                     .input_site = architecture<Model>::input_site,
                     .input_key = architecture<Model>::input_key};
    for (std::size_t i = 0; i < Model::sites.size(); ++i)
      if (Model::gate_type::sites::contains(static_cast<int>(i))) t.gate |= std::uint32_t{1} << i;
    t.gate &= elementwise_sites(Model::list);
    return t;
  }
  static constexpr all_offsets offsets = [] {
    all_offsets to;
    session_tables t = begun();
    place_memory<runs>(t, {to.prepared, to.slot, to.effect});
    return to;
  }();

 public:
  static constexpr kind_set kinds = [] {
    using injector = typename Model::gate_type::injector;
    kind_set all = InjectorChoice<injector> || std::is_same_v<injector, reading> ? read_keys : 0;
    for (const operation& op : layout::operations) all |= only(op.kind);
    return all;
  }();
  static_assert(!in_blocks<Weight> || reads_tokens(kinds),
                "SpanKey: int8_blocks are weights of networks of tokens; std::int8_t is for others");
  static constexpr session_tables tables = [] {
    session_tables t = begun();
    all_offsets to;
    place_memory<runs>(t, {to.prepared, to.slot, to.effect});
    t.prepared = offsets.prepared, t.slot = offsets.slot, t.effect = offsets.effect;
    t.mapped = map_memory_of<typename Model::backend_type>(t.image.operations);
    return t;
  }();
};

}  // namespace spankey::infer
