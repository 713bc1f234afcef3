#include "opened_key.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include "passphrase.hpp"
#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/lock/master_key_file.hpp"

using namespace spankey;

secret_bytes bytes_of_secret(const char* flag, const std::string& path) {
  input_file file(path);
  if (file.size() != static_cast<index_t>(secret_bytes::size))
    fail("flag.214", flag, "found ", file.size(), " bytes in '", printable(path), "', expected 32");
  secret_vector<std::byte> bytes(secret_bytes::size);
  file.read(bytes.data(), file.size());
  return secret_bytes(std::span<const std::byte>(bytes));
}

void require_one_way(const sealed_key_flags& opens, int others) {
  int named = others;
  for (const std::string* way :
       {&opens.passphrase_file, &opens.passphrase_env, &opens.secret_key, &opens.device_key})
    named += way->empty() ? 0 : 1;
  if (named > 1) fail("flag.215", "keys", "found ", named, " ways to seal or open a key, expected one");
}

secret_vector<std::byte> key_passphrase(const sealed_key_flags& opens, bool is_new) {
  return read_passphrase({.file = opens.passphrase_file,
                          .variable = opens.passphrase_env,
                          .flag = "--key-passphrase-file",
                          .asks = "passphrase of the key"},
                         is_new);
}

sealed_key_secret secret_of(const sealed_key_flags& opens) {
  require_one_way(opens);
  if (!opens.device_key.empty())
    return {.kind = key_recipient::device, .key = bytes_of_secret("--device-key", opens.device_key)};
  if (!opens.secret_key.empty())
    return {.kind = key_recipient::box, .key = bytes_of_secret("--secret-key", opens.secret_key)};
  return {.kind = key_recipient::passphrase, .passphrase = key_passphrase(opens, false)};
}

day_number today() { return static_cast<day_number>(std::max<std::time_t>(std::time(nullptr), 0) / 86400); }

void require_unopened(const sealed_key_flags& opens, const std::string& what) {
  for (const auto& [flag, given] : {std::pair("--key-passphrase-file", &opens.passphrase_file),
                                    {"--key-passphrase-env", &opens.passphrase_env},
                                    {"--secret-key", &opens.secret_key},
                                    {"--device-key", &opens.device_key}})
    if (!given->empty()) fail("flag.217", flag, "opens a sealed key, which '", what, "' is not");
}

secret_vector<std::byte> opened_key(secret_vector<std::byte> bytes, const std::string& file,
                                    key_payload wanted, const sealed_key_flags& opens) {
  if (!sealed_key_file::begins_as_one(bytes)) {
    require_unopened(opens, printable(file));
    return bytes;
  }
  const std::string where = printable(file);
  const sealed_key_file sealed = read_sealed_key(bytes, where);
  if (sealed.header().payload != wanted)
    fail("sealed_key.113", where, "found a sealed key of another kind than is wanted here");
  require_sealed_key(sealed.check({.today = today()}), where, sealed.header());
  return open_sealed_key(sealed, secret_of(opens), where);
}

master_key master_key_named(const std::string& file, const sealed_key_flags& opens) {
  input_file input(file);
  if (input.size() > key_file_cap)
    fail("io.105", input.name(), "expected at most ", key_file_cap, " bytes, found ", input.size());
  secret_vector<std::byte> bytes(static_cast<std::size_t>(input.size()));
  input.read(bytes.data(), input.size());
  const bool sealed = sealed_key_file::begins_as_one(bytes);
  const secret_vector<std::byte> found = opened_key(std::move(bytes), file, key_payload::master, opens);
  return sealed ? master_key(std::span<const std::byte>(found)) : read_master_key(found, input.name());
}
