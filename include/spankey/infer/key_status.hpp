// What a session says of a key file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "spankey/infer/image.hpp"
#include "spankey/infer/status.hpp"
#include "spankey/key/key_file.hpp"
#include "spankey/key/sealed_key_file.hpp"

namespace spankey::infer {

constexpr status status_of(key_file_state found) {
  switch (found) {
    case key_file_state::ok:
      return status::ok;
    case key_file_state::foreign:
      return status::key_format;
    case key_file_state::newer:
    case key_file_state::other_kind:
      return status::key_version;
    case key_file_state::not_finite:
      return status::key_not_finite;
    case key_file_state::damaged:
      break;
  }
  return status::key_damaged;
}

constexpr status status_of(sealed_key_state found) {
  switch (found) {
    case sealed_key_state::ok:
      return status::ok;
    case sealed_key_state::foreign:
      return status::key_format;
    case sealed_key_state::newer:
      return status::key_version;
    case sealed_key_state::other_network:
      return status::key_network;
    case sealed_key_state::expired:
      return status::key_expired;
    case sealed_key_state::old_generation:
      return status::key_generation;
    case sealed_key_state::revoked:
      return status::key_revoked;
    case sealed_key_state::not_opened:
      return status::key_sealed;
    case sealed_key_state::no_room:
      return status::key_room;
    case sealed_key_state::damaged:
      break;
  }
  return status::key_damaged;
}

/// Whether the file is a key of the network whose image has this header, for the sites that take one; `shapes` of all
/// sites. On ok, `key` is it.
inline status check_key_file(std::span<const extents> shapes, std::span<const std::byte> file,
                             const image_header& header, key_file& key) {
  if (const status s = status_of(key.read(file)); s != status::ok)
    return s == status::key_format && sealed_key_file::begins_as_one(file) ? status::key_sealed : s;
  if (header.network == 0 || key.network() != header.network) return status::key_network;
  std::size_t next = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (!header.takes_key(i)) continue;
    if (next == key.sites() || key.at(next) != site{static_cast<int>(i), shapes[i]}) return status::key_site;
    ++next;
  }
  return next == key.sites() ? status::ok : status::key_site;
}

/// Opens a sealed key of this network into the room that came with it; on ok, `payload` is the key file in there.
template <KeyCipher Cipher>
status open_sealed_key(const sealed_key_opening& from, const image_header& header, const Cipher& cipher,
                       std::span<const std::byte>& payload) {
  sealed_key_file sealed;
  if (const status s = status_of(sealed.read(from.file)); s != status::ok) return s;
  if (header.network == 0) return status::key_network;
  if (sealed.header().payload != key_payload::span) return status::key_version;
  const sealed_key_state fits =
      sealed.check({header.network, from.today, from.least_generation, from.revoked});
  if (fits != sealed_key_state::ok) return status_of(fits);
  payload = from.room.first(std::min(from.room.size(), sealed.payload_bytes()));
  return status_of(sealed.open(cipher, from.key, from.room));
}

}  // namespace spankey::infer
