// `spankey keys`: the owner's ring, and what customers get of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "sealed_key_flags.hpp"

struct keys_options {
  std::string action, what;  // what: a customer's name, or a file
  std::string ring, run, out, revocations;
  std::string passphrase_file, passphrase_env;  // of the ring
  sealed_key_flags opens;                       // or seals, a customer's key
  std::string public_key;
  std::string to, expires, note, kind = "span", master, today;
  std::string raw, header, name = "spankey_key";
  std::int64_t role = 0, passes = 3, kib = 262144, colluders = 1;
};

void declare_keys_flags(flag_set& flags, keys_options& request);

/// Does what --help says of the action. The status is `key_refused` where a key or a ring is not taken, with one line on
/// stderr; 0 else. Fails with flag.210 where a flag is not the action's, flag.211 where one is missing, flag.212 to flag.215 for
/// passphrases and keys that cannot be read, ring.1xx, and as reading files fails.
int keys(const flag_set& flags, const keys_options& request);

/// A key of another network, damaged, expired, revoked, of an older generation, not opened, or outside the span.
inline constexpr int key_refused = 3;
