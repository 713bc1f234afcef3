// A sealed key as a command gets it: by the flags that open it, to the bytes behind them.
#pragma once

#include <cstddef>
#include <string>

#include "sealed_key_flags.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/key/derivation.hpp"
#include "spankey/key/sealed_key.hpp"

/// The 32 bytes of a file that `flag` names. Fails with flag.214.
spankey::secret_bytes bytes_of_secret(const char* flag, const std::string& path);
/// Fails with flag.215 where more than one way is named; `others`: of those that only the caller knows.
void require_one_way(const sealed_key_flags& opens, int others = 0);
/// The passphrase of a key; `is_new`: the terminal asks twice. Fails as read_passphrase does.
spankey::secret_vector<std::byte> key_passphrase(const sealed_key_flags& opens, bool is_new);
/// Fails with flag.214, flag.215 and as read_passphrase does.
spankey::sealed_key_secret secret_of(const sealed_key_flags& opens);

/// The clock's day.
spankey::day_number today();

/// Fails with flag.217 where flags open what is not sealed.
void require_unopened(const sealed_key_flags& opens, const std::string& what);
/// Payload of a sealed key of this kind, which counts today; other bytes as they are. Fails with sealed_key.101 to .113, and
/// with flag.217 where flags open what is not sealed.
spankey::secret_vector<std::byte> opened_key(spankey::secret_vector<std::byte> bytes, const std::string& file,
                                             spankey::key_payload wanted, const sealed_key_flags& opens);
/// A master key's file, sealed or not. Fails as that, and as load_master_key does.
spankey::master_key master_key_named(const std::string& file, const sealed_key_flags& opens);
