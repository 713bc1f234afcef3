// What the actions of `spankey keys` share: where secrets come from, files, and the run whose keys they are.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "keys.hpp"
#include "opened_key.hpp"
#include "passphrase.hpp"
#include "run_options.hpp"
#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/key/sealed_key.hpp"

using byte_view = std::span<const std::byte>;

/// By their numbers in files, from 1.
inline constexpr std::array<const char*, 3> payload_names{"span", "master", "role"};
inline const char* name_of(spankey::key_payload payload) {
  return payload_names[static_cast<std::size_t>(payload) - 1];
}

/// The clock's day, or that of --today.
spankey::day_number day_now(const keys_options& request);
/// "2027-01-31"; "-" of no day.
std::string day_text_of(spankey::day_number day);
/// 16 digits.
std::string hexadecimal(std::uint64_t value);

/// Where the ring's passphrase comes from.
passphrase_source of_ring(const keys_options& request);
/// Whom a key is sealed to. Fails with flag.214, flag.215, sealed_key.109, sealed_key.110 and as read_passphrase does.
spankey::sealed_key_target target_of(const keys_options& request);

/// All bytes of a file of at most key_file_cap. Fails with io.101 to io.105.
template <class Bytes>
Bytes bytes_of(const std::string& path) {
  using spankey::key_file_cap;
  spankey::input_file file(path);
  if (file.size() > key_file_cap)
    spankey::fail("io.105", file.name(), "expected at most ", key_file_cap, " bytes, found ", file.size());
  Bytes bytes(static_cast<std::size_t>(file.size()));
  file.read(bytes.data(), file.size());
  return bytes;
}
/// Before any work: fails with flag.119, io.117.
void require_new_output(const char* flag, const std::string& path);
/// With mode 0600, never over a file that is there. Fails with io.111 to io.117.
void write_secret(const std::string& path, byte_view bytes);

/// A finished run: its network's fingerprint, and its key space where it was asked for.
struct key_run {
  run_options options;
  std::uint64_t network = 0;
  std::optional<spankey::key_space> space{};
};
/// Without a forward pass. Fails as reading the run does.
key_run run_of(const std::string& run, bool with_keys);

/// The actions that need no ring.
int inspect_key(const keys_options& request);
int verify_key(const keys_options& request);
int export_key(const keys_options& request);
