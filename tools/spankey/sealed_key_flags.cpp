#include "sealed_key_flags.hpp"

#include "flag_checks.hpp"

void declare_sealed_key_flags(flag_set& flags, sealed_key_flags& opens) {
  const auto file = path_text("FILE");
  flags
      .add_option("--key-passphrase-file", opens.passphrase_file,
                  "of a sealed key: a file whose first line is its passphrase (default: the terminal asks)")
      ->check(file)
      ->under("a sealed key:");
  flags
      .add_option("--key-passphrase-env", opens.passphrase_env,
                  "the environment variable that holds that passphrase")
      ->check(any_text("NAME"));
  flags.add_option("--secret-key", opens.secret_key, "SECRET: the 32 bytes of keys pair, which open it")
      ->check(file)
      ->secret();
  flags.add_option("--device-key", opens.device_key, "SECRET: a file of 32 bytes that the device has")
      ->check(file)
      ->secret();
}
