// Weights as inference reads them: one block of bytes, in place, from a file, memory or flash.
//
//   header (128 bytes) | per operation: scale (O floats, int8 only), bias (O floats), weights (kh, kw, i, o)
//                      | int8_blocks: matrices as core/int8_blocks.hpp has them, scales, bias, weights; vectors as floats
//                      | of a network that asks keys before it answers: by what (infer/image_guard.hpp)
// Batch norm is folded in; every part begins at a multiple of image_alignment bytes; little endian. The offsets follow
// from the network's operations; with static sizes they are constants of the types. The header names model, head,
// injector, gamma and sites, and what makes numbers of pixels; its checksum covers everything but itself.
// No key and no basis is ever in it; what it asks keys by are rows of their span's complement.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "spankey/core/finite.hpp"
#include "spankey/core/int8_blocks.hpp"
#include "spankey/core/word_checksum.hpp"
#include "spankey/infer/architecture.hpp"
#include "spankey/infer/kernels.hpp"
#include "spankey/infer/status.hpp"
#include "spankey/inject/runtime.hpp"

namespace spankey::infer {

static_assert(std::endian::native == std::endian::little,
              "SpanKey: weight images are little endian, and are read in place");

inline constexpr std::size_t image_alignment = 16;

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + image_alignment - 1) / image_alignment * image_alignment;
}

/// Float: as trained. bf16: half the bytes. int8: a quarter, with one scale an output channel. int8_blocks, of networks of
/// tokens: with one scale for 32 inputs of an output.
template <class Weight>
concept ImageWeight = std::is_same_v<Weight, float> || std::is_same_v<Weight, bf16> ||
    std::is_same_v<Weight, std::int8_t> || in_blocks<Weight>;

template <ImageWeight Weight>
inline constexpr std::uint32_t weight_code = std::is_same_v<Weight, float>         ? 0
                                             : std::is_same_v<Weight, bf16>        ? 1
                                             : std::is_same_v<Weight, std::int8_t> ? 2
                                                                                   : 3;

/// What the network was trained on: (byte/255 - mean[c]) / deviation[c] of every byte of channel c.
struct pixel_normalisation {
  static constexpr std::uint32_t most_channels = 4;
  std::uint32_t channels = 0;  // 0: not known, as in images of features, and of versions before this
  float mean[most_channels] = {}, deviation[most_channels] = {};

  [[nodiscard]] float operator()(std::uint8_t byte, index_t c) const {
    return (static_cast<float>(byte) / 255.0F - mean[c]) / deviation[c];
  }
  /// Not known, or finite numbers and deviations above 0 for so many channels.
  [[nodiscard]] bool fits(index_t expected) const {
    if (channels == 0) return true;
    if (channels > most_channels || static_cast<index_t>(channels) != expected) return false;
    for (std::uint32_t c = 0; c < channels; ++c)
      if (!is_finite(mean[c]) || !is_finite(deviation[c]) || deviation[c] <= 0) return false;
    return true;
  }
};

/// The first bytes of an image. No padding, so that it may be copied from and to bytes.
struct image_header {
  char magic[8] = {'S', 'P', 'A', 'N', 'K', 'E', 'Y', '1'};
  char model[32] = {};
  std::uint32_t weights = 0;  // weight_code
  std::uint32_t classes = 0;  // semantic classes; one softmax output more is the reject class
  std::uint32_t softmax = 0, aux = 0;
  std::uint32_t injector = 0;  // injector_kind, from bit 16 on its readings, and whether keys are asked first
  std::uint32_t sites = 0;     // bit n: site n takes a key
  float gamma = 0;
  pixel_normalisation pixels;
  std::uint64_t network = 0;  // fingerprint (infer/fingerprint.hpp); 0 in images older than key files
  std::uint64_t payload = 0, checksum = 0;

  static constexpr std::uint32_t guarded = 0x100;  // of `injector`
  [[nodiscard]] constexpr injector_kind kind() const { return static_cast<injector_kind>(injector & 0xFFU); }
  /// Of the injector reading, else 0.
  [[nodiscard]] constexpr index_t readings() const { return static_cast<index_t>(injector >> 16U); }
  /// Whether the word is one that a session knows.
  [[nodiscard]] constexpr bool has_injector() const {
    const std::uint32_t others = injector & 0xFE00U;
    return others == 0 && kind() <= injector_kind::reading &&
           (kind() == injector_kind::reading ? readings() >= 1 && readings() <= key_reading<float>::most
                                             : readings() == 0);
  }
  /// Whether a session answers to keys alone that it has let in.
  [[nodiscard]] constexpr bool asks_keys() const { return (injector & guarded) != 0; }
  [[nodiscard]] constexpr bool takes_key(std::size_t site) const {
    return injector != 0 && (sites >> site & 1U) != 0;
  }
};
static_assert(sizeof(image_header) == 128 && std::is_trivially_copyable_v<image_header>);

/// Of the header without its checksum, and of the payload.
inline std::uint64_t checksum_of_image(const std::byte* image, std::size_t bytes) {
  const std::uint64_t header = word_checksum(image, sizeof(image_header) - sizeof(std::uint64_t));
  return word_checksum(image + sizeof(image_header), bytes - sizeof(image_header), header);
}

/// Where the parts of one operation lie in an image, in bytes.
struct image_part {
  std::size_t scale = 0, bias = 0, weights = 0;
};

template <ImageWeight Weight>
weight_view<Weight> view_of(const std::byte* image, const image_part& part) {
  return {reinterpret_cast<const Weight*>(image + part.weights),
          reinterpret_cast<const float*>(image + part.bias),
          reinterpret_cast<const scale_of<Weight>*>(image + part.scale)};
}

/// Scales of an operation of a network of tokens, in blocks; 0: its weights are floats.
constexpr index_t block_count(const operation& op) {
  switch (op.kind) {
    case operation_kind::embedding:
      return op.vocabulary * blocks_of(op.channels);
    case operation_kind::tokens:
      return op.context * blocks_of(op.channels);
    case operation_kind::convolution:
      return op.channels * blocks_of(op.in.channels);
    default:
      return 0;
  }
}

/// Writes the part of every operation; returns the bytes of the whole image.
template <ImageWeight Weight>
constexpr std::size_t place_parts(std::span<const operation> operations, std::span<image_part> parts) {
  std::size_t next = sizeof(image_header);
  const auto reserve = [&](std::size_t bytes) {
    const std::size_t at = next;
    next += aligned(bytes);
    return at;
  };
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const operation& op = operations[i];
    const std::size_t row = static_cast<std::size_t>(op.bias_count()) * sizeof(float);
    const auto weights = static_cast<std::size_t>(op.weight_count());
    const std::size_t blocks = in_blocks<Weight> ? static_cast<std::size_t>(block_count(op)) : 0;
    parts[i].scale = reserve(in_blocks<Weight>                     ? blocks * sizeof(bf16)
                             : std::is_same_v<Weight, std::int8_t> ? row
                                                                   : 0);
    parts[i].bias = reserve(row);
    parts[i].weights = reserve(blocks > 0          ? blocks * static_cast<std::size_t>(numbers_of_block)
                               : in_blocks<Weight> ? weights * sizeof(float)
                                                   : weights * sizeof(Weight));
  }
  return next;
}

/// What an image of a network looks like: its parts, and what its header must say.
struct image_tables {
  std::string_view name;
  extents input{};
  head_outputs outputs{0};
  std::span<const operation> operations{};
  std::span<const image_part> parts{};
  std::size_t bytes = 0;
};

/// Of a model with static sizes, as constants.
template <class Model, ImageWeight Weight>
struct image_layout {
  static constexpr auto& operations = architecture<Model>::operations;
  static constexpr auto parts = [] {
    std::array<image_part, operations.size()> all{};
    place_parts<Weight>(operations, all);
    return all;
  }();
  static constexpr std::size_t bytes = [] {
    std::array<image_part, operations.size()> all{};
    return place_parts<Weight>(operations, all);
  }();
  static constexpr image_tables tables{
      Model::label.view(), Model::list.input(), Model::outputs, operations, parts, bytes};

  static weight_view<Weight> view(const std::byte* image, std::size_t i) {
    return view_of<Weight>(image, parts[i]);
  }
};

/// Whether all that an image of the right size computes with is a number: gamma, biases, scales, weights and, of int8,
/// what the largest weight stands for.
template <ImageWeight Weight>
bool is_finite_image(const image_tables& t, const std::byte* image, const image_header& header) {
  bool finite = is_finite(header.gamma);
  for (std::size_t i = 0; i < t.operations.size(); ++i) {
    const operation& op = t.operations[i];
    const weight_view<Weight> w = view_of<Weight>(image, t.parts[i]);
    finite = finite && all_finite(w.bias, op.bias_count());
    if constexpr (std::is_same_v<Weight, std::int8_t>) {
      for (index_t o = 0; o < op.bias_count(); ++o) finite = finite && is_finite(128 * w.scale[o]);
    } else if constexpr (in_blocks<Weight>) {
      const index_t blocks = block_count(op);
      for (index_t k = 0; k < blocks; ++k) finite = finite && is_finite(128 * static_cast<float>(w.scale[k]));
      for (index_t c = 0; blocks == 0 && c < op.weight_count(); ++c)
        finite = finite && is_finite(w.of_vector(c));
    } else {
      finite = finite && all_finite(w.weights, op.weight_count());
    }
  }
  return finite;
}

/// Whether both names of at most 32 letters, the first one without its zeros, are the same.
inline bool is_name(const char (&found)[32], std::string_view name) {
  std::size_t size = 0;
  while (size < sizeof found && found[size] != '\0') ++size;
  return std::string_view(found, size) == name;
}

/// As many classes as logits, or a refusal behind them; a vocabulary may have tokens that are never an answer.
inline bool fits_softmax(const image_header& header, std::span<const operation> operations) {
  const bool of_tokens = !operations.empty() && operations.front().context > 0;
  const std::uint32_t most = of_tokens ? header.softmax : header.classes + 1;
  return header.classes > 0 && header.classes <= header.softmax && header.softmax <= most;
}

/// Checks everything about an image but its checksum, and what it asks keys by, against the network. On ok, `header` is
/// the image's.
template <ImageWeight Weight>
status check_image(const image_tables& t, std::span<const std::byte> image, image_header& header) {
  if (image.size() < t.bytes || image.size() % image_alignment != 0) return status::image_size;
  if (reinterpret_cast<std::uintptr_t>(image.data()) % image_alignment != 0) return status::image_alignment;
  std::memcpy(&header, image.data(), sizeof header);
  if (image.size() != t.bytes && !header.asks_keys()) return status::image_size;
  const image_header expected;
  if (std::memcmp(header.magic, expected.magic, sizeof expected.magic) != 0) return status::image_format;
  if (!is_name(header.model, t.name) || header.softmax != static_cast<std::uint32_t>(t.outputs.softmax) ||
      header.aux != (t.outputs.aux == aux_logit::none ? 0U : 1U) || !fits_softmax(header, t.operations)) {
    return status::image_model;
  }
  if (header.weights != weight_code<Weight>) return status::image_weights;
  if (header.payload != image.size() - sizeof header || !header.has_injector() ||
      !header.pixels.fits(t.input.channels))
    return status::image_format;
  return status::ok;
}

}  // namespace spankey::infer
