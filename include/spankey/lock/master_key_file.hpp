// A master key as a file of 88 bytes, readable by its owner only: the header of a key file (key/key_file.hpp) with kind 2 and
// no sites, the 32 bytes, the checksum. What reads keys of kind 1 says of it that it is another kind.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/word_checksum.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/key/derivation.hpp"
#include "spankey/key/key_file.hpp"

namespace spankey {

inline constexpr std::uint32_t master_key_kind = 2;
inline constexpr std::size_t master_key_bytes =
    sizeof(key_file_header) + master_key::size + sizeof(std::uint64_t);

/// Writes it with mode 0600, whole or not at all. Errors: io.117 where the name is taken, io.111 to io.115.
inline void save_master_key(const std::string& path, const master_key& key) {
  require_new_name(path);
  const key_file_header header{.kind = master_key_kind, .bytes = master_key_bytes};
  secret_vector<std::byte> bytes(master_key_bytes);
  constexpr std::size_t covered = master_key_bytes - sizeof(std::uint64_t);
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, key.data(), master_key::size);
  const std::uint64_t checksum = word_checksum(bytes.data(), covered);
  std::memcpy(bytes.data() + covered, &checksum, sizeof checksum);
  write_file_atomically(path, std::span<const std::byte>(bytes), file_mode::secret);
}

/// From the bytes of a file, `where` being its name. Errors: key_file.111 no key file, key_file.112 another kind or a later
/// version, key_file.113 damaged.
inline master_key read_master_key(std::span<const std::byte> bytes, const std::string& where) {
  key_file_header header;
  if (bytes.size() >= sizeof header) std::memcpy(&header, bytes.data(), sizeof header);
  if (bytes.size() < sizeof header || header.magic != key_file_header::format)
    fail("key_file.111", where, "expected a master key, found ", bytes.size(),
         " bytes that do not begin as a key file does");
  if (header.version != 1 || header.kind != master_key_kind)
    fail("key_file.112", where, "expected a master key (kind 2, version 1), found kind ", header.kind,
         ", version ", header.version);
  std::uint64_t checksum = 0;
  constexpr std::size_t covered = master_key_bytes - sizeof checksum;
  const bool whole = bytes.size() == master_key_bytes && header.bytes == bytes.size();
  if (whole) std::memcpy(&checksum, bytes.data() + covered, sizeof checksum);
  if (!whole || checksum != word_checksum(bytes.data(), covered))
    fail("key_file.113", where, "expected a master key as it was written, found it damaged: ", bytes.size(),
         " bytes");
  return master_key(bytes.subspan(sizeof header, master_key::size));
}

/// The same from a file, of which no more is read than a master key has. Errors as well: io.101 to io.105.
inline master_key load_master_key(const std::string& path) {
  input_file input(path);
  secret_vector<std::byte> bytes(
      std::min(static_cast<std::size_t>(input.size()), master_key_bytes + 1));  // one too many is seen
  input.read(bytes.data(), static_cast<index_t>(bytes.size()));
  return read_master_key(bytes, input.name());
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
