// What a session says of a key file.
#pragma once

#include <cstddef>
#include <span>

#include "spankey/infer/image.hpp"
#include "spankey/infer/status.hpp"
#include "spankey/key/key_file.hpp"

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

/// Whether the file is a key of the network whose image has this header, for the sites that take one; `shapes` of all
/// sites. On ok, `key` is it.
inline status check_key_file(std::span<const extents> shapes, std::span<const std::byte> file,
                             const image_header& header, key_file& key) {
  if (const status s = status_of(key.read(file)); s != status::ok) return s;
  if (header.network == 0 || key.network() != header.network) return status::key_network;
  std::size_t next = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (!header.takes_key(i)) continue;
    if (next == key.sites() || key.at(next) != site{static_cast<int>(i), shapes[i]}) return status::key_site;
    ++next;
  }
  return next == key.sites() ? status::ok : status::key_site;
}

}  // namespace spankey::infer
