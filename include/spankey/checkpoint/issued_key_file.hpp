// Writes an issued key into a file of its own, readable by its owner only, and reads it again (key/key_file.hpp has the
// layout). What only binds a key needs neither: infer::session::bind_file takes the bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/key/issued_key.hpp"

namespace spankey {

/// Larger key files are refused: the sites of resnet18 have 100,000 elements.
inline constexpr index_t key_file_cap = index_t{1} << 26;

/// The bytes of a key file. `network` is infer::fingerprint_of the trained model, `number` that of the issued key; sites in
/// the order of their numbers, as issue_key gives them. Fails with key_file.113 where a number is not finite.
SPANKEY_INLINE secret_vector<std::byte> key_file_bytes(std::uint64_t network, std::uint64_t number,
                                                       std::span<const site_key> key);

/// Fails with io.117 where something has this name: a key that is written over is gone.
SPANKEY_INLINE void require_new_name(const std::string& path);

/// Writes a key file with mode 0600, whole or not at all. Errors: key_file.113, io.117 where the name is taken, io.111 to
/// io.115.
SPANKEY_INLINE void save_key(const std::string& path, std::uint64_t network, std::uint64_t number,
                             std::span<const site_key> key);

/// What a key file holds.
struct loaded_key {
  std::uint64_t network = 0, number = 0;
  std::vector<site_key> sites;
};

/// From the bytes of a key file, `where` being its name. Errors: key_file.111 not a key file, key_file.112 of a later version
/// or kind, key_file.113 damaged, or with numbers that are not finite, key_file.114 of another network than `network`
/// (0: any).
SPANKEY_INLINE loaded_key load_key(std::span<const std::byte> bytes, const std::string& where,
                                   std::uint64_t network = 0);

/// The same from a file. Errors as well: io.101 to io.105.
SPANKEY_INLINE loaded_key load_key(const std::string& path, std::uint64_t network = 0);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/checkpoint/issued_key_file.inl"
#endif
