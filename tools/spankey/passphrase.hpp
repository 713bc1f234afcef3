// Where a passphrase comes from. Never from the command line, which others can read.
#pragma once

#include <cstddef>
#include <string>

#include "spankey/core/secret.hpp"

/// What a flag says of it: a file whose first line it is, or the name of an environment variable; neither: the terminal asks.
struct passphrase_source {
  std::string file, variable;
  const char* flag = "--passphrase-file";  // for errors
  const char* asks = "passphrase of the ring";
};

/// Without echo where the terminal asks; `is_new`: it asks twice. Fails with flag.212 where it is empty, longer than 4096 bytes or
/// cannot be read, flag.213 where there is no terminal to ask at, or the two differ.
spankey::secret_vector<std::byte> read_passphrase(const passphrase_source& from, bool is_new);
