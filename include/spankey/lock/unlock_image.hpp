// Binds the key of a locked network into a weight image that is in memory: afterwards a session runs it at no cost a call. The
// file that the image came from stays locked; the bytes here are plain until the caller wipes them.
//
// Of float and bf16; an int8 image of a locked network cannot be unlocked, since its weights were rounded where they are mixed:
// its activations can be mapped (lock/activation_maps.hpp).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/model/layer_list.hpp"

namespace spankey {

/// `list` is the network's. Errors, all before anything changes: lock.102 a key that does not open the lock, lock.106 a lock of
/// another network, lock.132 one that was cut, lock.109 bytes that are no whole image of this network with these weights.
template <infer::ImageWeight Weight>
void unlock_image(const layer_list& list, std::span<std::byte> image, const master_key& key,
                  const entangled_lock& lock) {
  static_assert(!std::is_same_v<Weight, std::int8_t> && !infer::in_blocks<Weight>,
                "SpanKey: an int8 image of a locked network cannot be unlocked; unlock the weights, then "
                "make the image");
  const std::span<const layer_description> layers(list.begin(), list.size());
  const infer::operation_table table(list.input(), layers);
  std::vector<infer::image_part> parts(table.size());
  infer::image_tables tables{list.name(), list.input(), list.outputs(), table.operations(), parts};
  tables.bytes = infer::place_parts<Weight>(table.operations(), parts);
  infer::image_header header;
  if (infer::check_image<Weight>(tables, image, header) != infer::status::ok ||
      infer::checksum_of_image(image.data(), image.size()) != header.checksum)
    fail("lock.109", "unlock_image", "found ", image.size(), " bytes, expected a sound weight image of ",
         list.name());
  const std::vector<locked_map> maps = opened_maps(layers, key, lock, key_check::required, "unlock_image");
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto found = std::find_if(maps.begin(), maps.end(), [&](const locked_map& m) {
      return static_cast<int>(m.entry) == table[i].entry;
    });
    if (found == maps.end()) continue;
    const channel_map& map = found->map;
    const infer::operation& op = table[i];
    const index_t size = map.channels() * op.channels;  // of a tap, (C, O)
    secret_vector<double> tap(static_cast<std::size_t>(size));
    for (index_t first = 0; first < op.weight_count(); first += size) {
      std::byte* const at =
          image.data() + parts[i].weights + static_cast<std::size_t>(first) * sizeof(Weight);
      for (std::size_t j = 0; j < tap.size(); ++j) {
        Weight stored;
        std::memcpy(&stored, at + j * sizeof stored, sizeof stored);
        tap[j] = static_cast<double>(static_cast<float>(stored));
      }
      map.unlock(tap.data(), op.channels);
      for (std::size_t j = 0; j < tap.size(); ++j) {
        const auto stored = static_cast<Weight>(static_cast<float>(tap[j]));
        std::memcpy(at + j * sizeof stored, &stored, sizeof stored);
      }
    }
  }
  header.checksum = infer::checksum_of_image(image.data(), image.size());
  std::memcpy(image.data(), &header, sizeof header);
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
