// The maps of a locked network's activations (infer/activation_map.hpp), as one block of bytes that a session reads in place:
// the locked weights stay as they are, and every locked layer is given T x. lock/activation_maps.hpp makes the block, with the
// key; nothing here needs it, or libsodium.
//
//   header (32 bytes) | a place for every operation of the network (16 bytes), channels 0 where it has no map
//   | of every map: moves (3 C uint16), and rows of L^T (C (C + 1) / 2 float32) where the lock whitens
// Parts begin at multiples of image_alignment bytes; little endian. The header names the network by its fingerprint and has a
// checksum. The block is as secret as the key: wipe_activation_maps when it has served.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "spankey/core/finite.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/word_checksum.hpp"
#include "spankey/infer/activation_map.hpp"
#include "spankey/infer/architecture.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/infer/status.hpp"

namespace spankey::infer {

struct maps_header {
  char magic[8] = {'S', 'P', 'A', 'N', 'M', 'A', 'P', '1'};
  std::uint64_t network = 0;  // fingerprint of the locked network, as its images have it
  std::uint32_t operations = 0, bytes = 0;
  std::uint64_t checksum = 0;
};
struct map_place {
  std::uint32_t channels = 0, whitens = 0;
  std::uint64_t at = 0;  // of the moves, in bytes; behind them the rows of L^T
};
static_assert(sizeof(maps_header) == 32 && sizeof(map_place) == 16);

/// Whether a map can stand before a layer: it mixes channels.
constexpr bool takes_map(const layer_description& d) {
  return (d.kind == layer_kind::conv2d && d.conv.groups == 1) || d.kind == layer_kind::linear ||
         d.kind == layer_kind::project || (d.kind == layer_kind::head && !d.per_token);
}
/// The operations that such layers are.
constexpr bool takes_map(const operation& op) {
  return op.kind == operation_kind::convolution && op.groups == 1 && op.entry != no_entry;
}

constexpr std::size_t moves_bytes(index_t channels) {
  return aligned(static_cast<std::size_t>(activation_map::rounds * channels) * sizeof(std::uint16_t));
}
constexpr std::size_t root_bytes(index_t channels) {
  return aligned(static_cast<std::size_t>(channels * (channels + 1) / 2) * sizeof(float));
}
constexpr std::size_t maps_front_bytes(std::size_t operations) {
  return sizeof(maps_header) + operations * sizeof(map_place);
}

/// Bytes of the block of a network with every layer locked, whitened or not: as much as any lock of it needs.
constexpr std::size_t activation_maps_bytes(const layer_list& list, bool whitened) {
  const operation_table table(list.input(), {list.begin(), list.size()});
  std::size_t bytes = maps_front_bytes(table.size());
  for (const layer_description& d : list)
    if (takes_map(d)) bytes += moves_bytes(d.in.channels) + (whitened ? root_bytes(d.in.channels) : 0);
  return bytes;
}

/// Overwrites a block of maps.
inline void wipe_activation_maps(std::span<std::byte> maps) { wipe(maps.data(), maps.size()); }

/// Of the header without its checksum, and of all that follows.
inline std::uint64_t checksum_of_maps(const std::byte* maps, std::size_t bytes) {
  const std::uint64_t header = word_checksum(maps, sizeof(maps_header) - sizeof(std::uint64_t));
  return word_checksum(maps + sizeof(maps_header), bytes - sizeof(maps_header), header);
}

/// The map before an operation, of a block that was checked.
inline activation_map map_before(const std::byte* maps, std::size_t i) {
  map_place place;
  std::memcpy(&place, maps + maps_front_bytes(i), sizeof place);
  activation_map map;
  map.channels = static_cast<index_t>(place.channels);
  const std::byte* const at = maps + place.at;
  map.moves = reinterpret_cast<const std::uint16_t*>(at);
  if (place.whitens != 0) map.root = reinterpret_cast<const float*>(at + moves_bytes(map.channels));
  return map;
}

/// Whether a map in a block of so many bytes fits the operation it stands before.
inline bool fits_place(const operation& op, const map_place& place, std::size_t front, std::size_t bytes) {
  const auto channels = static_cast<index_t>(place.channels);
  if (!takes_map(op) || channels > activation_map::most_channels || place.whitens > 1) return false;
  const bool flat = op.in.height == 1 && op.in.width == 1;  // a linear map of all positions at once
  if (flat ? op.in.channels % channels != 0 : op.in.channels != channels) return false;
  const std::size_t size = moves_bytes(channels) + (place.whitens != 0 ? root_bytes(channels) : 0);
  return place.at % image_alignment == 0 && place.at >= front && size <= bytes && place.at <= bytes - size;
}
/// Whether a map's channels go where there are some, and its numbers are numbers.
inline status check_map(const activation_map& map) {
  for (index_t i = 0; i < activation_map::rounds * map.channels; ++i)
    if ((map.moves[i] & (activation_map::negative - 1)) >= map.channels) return status::maps_format;
  const bool finite = map.root == nullptr || all_finite(map.root, map.channels * (map.channels + 1) / 2);
  return finite ? status::ok : status::maps_not_finite;
}

/// Everything about a block of maps, for a network's operations and the fingerprint in its image; the block may be longer than
/// what is written in it.
inline status check_activation_maps(std::span<const operation> operations, std::uint64_t network,
                                    std::span<const std::byte> maps) {
  maps_header header;
  const std::size_t front = maps_front_bytes(operations.size());
  if (maps.size() < sizeof header || reinterpret_cast<std::uintptr_t>(maps.data()) % image_alignment != 0 ||
      std::memcmp(maps.data(), header.magic, sizeof header.magic) != 0)
    return status::maps_format;
  std::memcpy(&header, maps.data(), sizeof header);
  if (header.bytes % 4 != 0 || header.bytes < sizeof header || header.bytes > maps.size())
    return status::maps_format;
  if (checksum_of_maps(maps.data(), header.bytes) != header.checksum) return status::maps_damaged;
  if (network == 0 || header.network != network || header.operations != operations.size())
    return status::maps_network;
  if (header.bytes < front) return status::maps_format;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    map_place place;
    std::memcpy(&place, maps.data() + maps_front_bytes(i), sizeof place);
    if (place.channels == 0) continue;
    if (!fits_place(operations[i], place, front, header.bytes)) return status::maps_format;
    if (const status s = check_map(map_before(maps.data(), i)); s != status::ok) return s;
  }
  return status::ok;
}

/// Memory for the mapped inputs of locked layers, in floats: a whole input, and behind it what mapping it takes.
struct map_memory {
  std::size_t spare = 0, total = 0;
};
template <class Backend>
constexpr map_memory map_memory_of(std::span<const operation> operations) {
  index_t whole = 0, spare = 0;
  for (const operation& op : operations)
    if (takes_map(op)) {
      whole = std::max(whole, op.in.size());
      spare = std::max(spare, mapped_input<Backend>::spare_size(op.in.size(), op.in.channels));
    }
  const auto floats = [](index_t count) {
    return aligned(static_cast<std::size_t>(count) * sizeof(float)) / sizeof(float);
  };
  return {floats(whole), floats(whole) + floats(spare)};
}

/// Maps that a session has, with memory for what they map.
template <class Backend>
class bound_maps {
 public:
  static status check(std::span<const operation> operations, std::uint64_t network, const map_memory& needs,
                      std::span<const std::byte> maps, std::span<std::byte> memory) {
    if (memory.size() < needs.total * sizeof(float)) return status::memory_size;
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % image_alignment != 0)
      return status::memory_alignment;
    return check_activation_maps(operations, network, maps);
  }
  void bind(std::span<const operation> operations, const map_memory& needs, std::span<const std::byte> maps,
            std::span<std::byte> memory) {
    operations_ = operations, maps_ = maps.data(), needs_ = needs;
    mapped_ = reinterpret_cast<float*>(memory.data());
    apply_ = &map_input;
  }
  /// Forgets them, and overwrites what they mapped.
  void release() {
    if (mapped_ != nullptr) wipe(mapped_, needs_.total * sizeof(float));
    *this = {};
  }
  /// What operation i is given for x: T x, or x itself.
  [[nodiscard]] const float* input_of(std::size_t i, const float* x) const {
    return apply_ == nullptr ? x : apply_(*this, i, x);
  }

 private:
  static const float* map_input(const bound_maps& bound, std::size_t i, const float* x) {
    const activation_map map = map_before(bound.maps_, i);
    if (map.channels == 0) return x;
    mapped_input<Backend>::apply(map, bound.operations_[i].in.size(), x, bound.mapped_,
                                 bound.mapped_ + bound.needs_.spare);
    return bound.mapped_;
  }

  std::span<const operation> operations_{};
  const std::byte* maps_ = nullptr;
  float* mapped_ = nullptr;
  map_memory needs_{};
  // A pointer, so that a program that binds no maps does not carry what maps.
  const float* (*apply_)(const bound_maps&, std::size_t, const float*) = nullptr;
};

/// Writes a block into memory that begins at a multiple of image_alignment bytes.
class activation_maps_writer {
 public:
  /// Where the numbers of a map go; without data where the memory has no room for them.
  struct numbers {
    std::span<std::uint16_t> moves{};
    std::span<float> root{};
  };

  activation_maps_writer(std::span<std::byte> memory, std::size_t operations, std::uint64_t network)
      : memory_(memory), end_(maps_front_bytes(operations)) {
    header_.network = network;
    header_.operations = static_cast<std::uint32_t>(operations);
    if (end_ <= memory_.size()) std::memset(memory_.data(), 0, end_);
  }

  numbers add(std::size_t operation, index_t channels, bool whitens) {
    const std::size_t moves = moves_bytes(channels), root = whitens ? root_bytes(channels) : 0;
    if (end_ > memory_.size() || moves + root > memory_.size() - end_) return {};
    const map_place place{static_cast<std::uint32_t>(channels), whitens ? 1U : 0U, end_};
    std::memcpy(memory_.data() + maps_front_bytes(operation), &place, sizeof place);
    std::byte* const at = memory_.data() + end_;
    std::memset(at, 0, moves + root);  // what fills up to the next part, too
    end_ += moves + root;
    return {
        {reinterpret_cast<std::uint16_t*>(at), static_cast<std::size_t>(activation_map::rounds * channels)},
        {reinterpret_cast<float*>(at + moves),
         whitens ? static_cast<std::size_t>(channels * (channels + 1) / 2) : 0}};
  }
  /// Bytes of the whole block; 0 where the memory had no room for it.
  std::size_t finish() {
    if (end_ > memory_.size()) return 0;
    header_.bytes = static_cast<std::uint32_t>(end_);
    std::memcpy(memory_.data(), &header_, sizeof header_);
    header_.checksum = checksum_of_maps(memory_.data(), end_);
    std::memcpy(memory_.data(), &header_, sizeof header_);
    return end_;
  }

 private:
  std::span<std::byte> memory_;
  maps_header header_;
  std::size_t end_;
};

}  // namespace spankey::infer
