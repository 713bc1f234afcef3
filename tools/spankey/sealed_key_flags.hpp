// What opens a sealed key, as flags of every command that takes one.
#pragma once

#include <string>

#include "command_line.hpp"

/// At most one of them; none: the terminal asks for a passphrase.
struct sealed_key_flags {
  std::string passphrase_file, passphrase_env, secret_key, device_key;
};

/// Declares them under a heading of their own: as the last of a command's.
void declare_sealed_key_flags(flag_set& flags, sealed_key_flags& opens);
