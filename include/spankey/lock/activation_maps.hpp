// Binds the key of a locked network onto its activations: writes the maps T of its locked layers (lock/channel_map.hpp) as the
// block of bytes that a session reads (infer/activation_maps.hpp), into memory of the caller. The weights are never in clear.
//
//   alignas(16) static std::byte maps[infer::activation_maps_bytes(Model::list, whitened)];
//   write_activation_maps(Model::list, image, key, lock, maps);
//   session.bind_maps(maps, map_memory);  ...  session.release_maps();  infer::wipe_activation_maps(maps);
// Images of fp32, bf16 and int8 of the locked network alike. Whoever runs the session needs no libsodium: the block may be made
// elsewhere. It is as good as the key for this lock.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/infer/activation_maps.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/lock/channel_map.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/model/layer_list.hpp"

namespace spankey {

/// The numbers of one map, as a session applies it.
inline void write_map(const channel_map& map, const infer::activation_maps_writer::numbers& to) {
  const auto channels = static_cast<std::size_t>(map.channels());
  for (std::size_t round = 0; round < rotation::rounds; ++round)
    for (std::size_t c = 0; c < channels; ++c) {
      const std::uint32_t sign = map.turn().signs(round)[c] < 0 ? infer::activation_map::negative : 0U;
      to.moves[round * channels + c] = static_cast<std::uint16_t>(map.turn().order(round)[c] | sign);
    }
  if (!map.whitens()) return;
  const secret_vector<float> root = map.root();  // row by row of L; L^T is wanted
  std::size_t next = 0;
  for (std::size_t column = 0; column < channels; ++column)
    for (std::size_t row = column; row < channels; ++row)
      to.root[next++] = root[row * (row + 1) / 2 + column];
}

/// Returns the bytes that were written; `image` is one of the locked network's, of any kind of weights. Errors, all before
/// anything is written: lock.102 a key that does not open the lock, lock.106 a lock of another network, lock.130 memory that is
/// too small or not aligned, lock.131 bytes that are no image, or one that is older than fingerprints, lock.132 a lock that was cut.
inline std::size_t write_activation_maps(const layer_list& list, std::span<const std::byte> image,
                                         const master_key& key, const entangled_lock& lock,
                                         std::span<std::byte> memory) {
  infer::image_header header;
  const infer::image_header expected;
  if (image.size() >= sizeof header) std::memcpy(&header, image.data(), sizeof header);
  if (image.size() < sizeof header || std::memcmp(header.magic, expected.magic, sizeof expected.magic) != 0 ||
      !infer::is_name(header.model, list.name()) || header.network == 0)
    fail("lock.131", "write_activation_maps", "found ", image.size(), " bytes, expected a weight image of ",
         list.name(), " that has its fingerprint");
  const infer::operation_table table(list.input(), {list.begin(), list.size()});
  const std::vector<locked_map> maps =
      opened_maps({list.begin(), list.size()}, key, lock, key_check::required, "write_activation_maps");
  std::size_t bytes = infer::maps_front_bytes(table.size());
  for (const locked_map& m : maps) {
    const index_t channels = m.map.channels();
    bytes += infer::moves_bytes(channels) + (m.map.whitens() ? infer::root_bytes(channels) : 0);
  }
  if (memory.size() < bytes || reinterpret_cast<std::uintptr_t>(memory.data()) % infer::image_alignment != 0)
    fail("lock.130", "write_activation_maps", "found ", memory.size(), " bytes, expected ", bytes,
         " that begin at a multiple of ", infer::image_alignment);
  infer::activation_maps_writer writer(memory, table.size(), header.network);
  for (std::size_t i = 0; i < table.size(); ++i)
    for (const locked_map& m : maps) {
      if (table[i].entry != static_cast<int>(m.entry)) continue;
      const auto to = writer.add(i, m.map.channels(), m.map.whitens());
      write_map(m.map, to);
    }
  return writer.finish();
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
