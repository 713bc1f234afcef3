// CIFAR-10 from the official binary files: 50,000 training and 10,000 test images, 3x32x32, 10 classes.
//
// A file is 10,000 records of 3,073 bytes without a header:
//   label 0..9, then 1,024 bytes of red, 1,024 of green, 1,024 of blue, each plane 32 x 32 row by row
// In memory the planes become channels last. Every length is checked before memory is reserved.
// Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/pixel_constants.hpp"

namespace spankey {

inline constexpr index_t cifar10_classes = 10;
inline constexpr extents cifar10_sample{3, 32, 32};
inline constexpr index_t cifar10_record_bytes = 1 + cifar10_sample.size();
inline constexpr index_t cifar10_records_per_file = 10000;

/// Checks that `file` is a regular file of exactly `records` records. Errors name the file, the offset, what
/// was expected and what was found: data.111 no such file, data.112 its state cannot be read, data.113 not a
/// regular file, data.114 wrong length.
inline void require_cifar10_file(const std::filesystem::path& file, index_t records) {
  const index_t expected = records * cifar10_record_bytes;
  std::error_code code;
  const std::filesystem::file_status status = std::filesystem::status(file, code);
  if (status.type() == std::filesystem::file_type::not_found) {
    fail("data.111", file.string(), "offset 0: expected a file of ", expected, " bytes, found no such file");
  }
  if (code) {
    fail("data.112", file.string(), "offset 0: expected a file of ", expected,
         " bytes, found an unreadable path: ", code.message());
  }
  if (!std::filesystem::is_regular_file(status)) {
    fail("data.113", file.string(), "offset 0: expected a file of ", expected, " bytes, found ",
         std::filesystem::is_directory(status) ? "a directory" : "something that is not a regular file");
  }
  const std::uintmax_t found = std::filesystem::file_size(file, code);
  if (code) {
    fail("data.112", file.string(), "offset 0: expected a file of ", expected,
         " bytes, found an unreadable path: ", code.message());
  }
  if (found < static_cast<std::uintmax_t>(expected)) {
    fail("data.114", file.string(), "offset ", found, ": expected ", expected, " bytes, found ", found);
  }
  if (found > static_cast<std::uintmax_t>(expected)) {
    fail("data.114", file.string(), "offset ", expected, ": expected the end of the file after ", expected,
         " bytes, found ", found);
  }
}

/// Reads `records` records of `file` into labels (records) and pixels (records x 32 x 32 x 3). Errors:
/// data.112 the file cannot be opened or ends early, data.115 a label over 9.
inline void read_cifar10_file(const std::filesystem::path& file, index_t records, std::uint8_t* labels,
                              std::uint8_t* pixels) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    fail("data.112", file.string(), "offset 0: expected ", records * cifar10_record_bytes,
         " bytes, found a file that cannot be opened for reading");
  }
  std::array<char, static_cast<std::size_t>(cifar10_record_bytes)> record;
  for (index_t r = 0; r < records; ++r) {
    const index_t offset = r * cifar10_record_bytes;
    in.read(record.data(), cifar10_record_bytes);
    if (in.gcount() != cifar10_record_bytes) {
      fail("data.112", file.string(), "offset ", offset, ": expected ", cifar10_record_bytes,
           " bytes of record ", r, ", could read ", in.gcount());
    }
    labels[r] = static_cast<std::uint8_t>(record[0]);
    if (labels[r] >= cifar10_classes) {
      fail("data.115", file.string(), "offset ", offset, ": expected a label of 0 to ", cifar10_classes - 1,
           ", found ", int{labels[r]});
    }
    std::uint8_t* image = pixels + r * cifar10_sample.size();
    for (index_t i = 0; i < cifar10_sample.size(); ++i) {
      image[i] =
          static_cast<std::uint8_t>(record[static_cast<std::size_t>(1 + file_index(cifar10_sample, i))]);
    }
  }
}

/// The records of several files of the CIFAR-10 format, one after the other, each of `records_per_file`
/// records. Every file's length is checked before the first is read.
inline image_dataset load_cifar10_files(std::span<const std::filesystem::path> files,
                                        index_t records_per_file) {
  for (const std::filesystem::path& file : files) require_cifar10_file(file, records_per_file);
  const index_t count = static_cast<index_t>(files.size()) * records_per_file;
  image_dataset data;
  data.name = "cifar10";
  data.sample = cifar10_sample;
  data.classes = cifar10_classes;
  cifar10_pixels().give_to(data);
  data.labels.resize(static_cast<std::size_t>(count));
  data.pixels.resize(static_cast<std::size_t>(count * cifar10_sample.size()));
  std::uint8_t* labels = data.labels.data();
  std::uint8_t* pixels = data.pixels.data();
  for (const std::filesystem::path& file : files) {
    read_cifar10_file(file, records_per_file, labels, pixels);
    labels += records_per_file;
    pixels += records_per_file * cifar10_sample.size();
  }
  return data;
}

/// CIFAR-10 from the directory of the official files (data_batch_1.bin to data_batch_5.bin, test_batch.bin),
/// in the official order. Errors data.111 to data.115 name the file.
inline image_dataset load_cifar10(const std::filesystem::path& directory, split part) {
  std::vector<std::filesystem::path> files;
  if (part == split::test) {
    files.push_back(directory / "test_batch.bin");
  } else {
    for (int i = 1; i <= 5; ++i) files.push_back(directory / ("data_batch_" + std::to_string(i) + ".bin"));
  }
  return load_cifar10_files(files, cifar10_records_per_file);
}

}  // namespace spankey
