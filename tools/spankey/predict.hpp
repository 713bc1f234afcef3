// What `predict` asks of a network, and what it gets back. Files are predict_inputs.cpp's, texts predict_command.cpp's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"

/// The samples of one file: bytes that the network normalises, or numbers that are what it takes.
struct input_samples {
  std::string file;
  bool is_series = false;  // an IDX file or an array of samples, though there may be one only
  spankey::index_t count = 0;
  std::vector<std::uint8_t> pixels;  // count x H x W x C, or empty
  std::vector<float> numbers;        // the same of numbers
};

/// Reads an IDX file (also packed), a .npy array, or a PNG or JPEG picture, told apart by their first bytes, of samples with
/// these extents. Numbers are features, or with `normalised` pixels; with `scaled` a picture may be of any size. Fails with
/// predict.1xx, and as the readers fail.
input_samples read_input(const std::string& file, const spankey::extents& sample, bool normalised,
                         bool scaled);

/// --key: the number of an issued key, or the bytes of a key file (key/key_file.hpp); or an invalid key of a family, drawn by
/// a seed; none of them: no key.
struct chosen_key {
  std::optional<std::uint64_t> index;
  spankey::secret_vector<std::byte> file;
  std::string invalid;
  std::uint64_t seed = 0;
};

/// What --key says; a sealed key is opened. Fails with flag.143, as reading a file does, and as opened_key does.
chosen_key key_named(const std::string& text, const sealed_key_flags& opens);

/// The configuration of a finished run that --run names, and whose --key there may be. Fails with flag.120, flag.121 and as
/// reading it does.
run_options run_to_ask(const std::string& run, bool with_key);

struct prediction {
  spankey::index_t semantic_class =
      spankey::no_class;  // also where it is refused; no_class: the logits are no numbers
  bool refused = true;
  std::vector<float> logits;
};
