// What `convert` asks of a run, and what it gets back. Types stay where run_functions are compiled (run_conversion.hpp);
// names, texts and files are convert_command.cpp's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "commands.hpp"
#include "spankey/train/issue.hpp"

/// The weights of a run as one weight image (infer/image.hpp); it holds no key.
struct made_image {
  std::string weights;  // fp32, bf16 or int8
  std::vector<std::byte> bytes;
};

/// Of one key, on the test set.
struct counted_answers {
  spankey::key_answers shares;
  spankey::index_t not_finite;  // answers that were NaN or infinity; they count as refused
};

/// How often somebody answered and refused on the test set: without a key, with the issued key, with a Gaussian one.
struct answers_of {
  std::string who;  // the training library, or a session with one type of weights
  std::vector<counted_answers> conditions;
};

/// A finished run as `predict` and `generate` ask it, with a key that was asked for by its number or its family.
struct run_image {
  std::vector<std::byte> image;        // of the weights that were asked for
  std::vector<spankey::site_key> key;  // secret
};

struct converted {
  std::vector<made_image> images;       // in the order of the request
  std::vector<spankey::site_key> key;   // secret; empty where none was asked for
  std::uint64_t key_number = 0;         // that of the key space's issued keys
  spankey::tried_key tried;             // without its key, which is above; no images where it was not tried
  std::uint64_t fingerprint = 0;        // of the network, for its keys
  spankey::head_outputs outputs{0};     // of the network
  std::vector<answers_of> evaluations;  // empty where none was asked for
  spankey::index_t samples = 0;         // of the test set
};
