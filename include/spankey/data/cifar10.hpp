// CIFAR-10 from the official binary files: 50,000 training and 10,000 test images, 3x32x32, 10 classes.
//
// A file is a whole number of records of 3,073 bytes (the official ones 10,000) without a header:
//   label 0..9, then 1,024 bytes of red, 1,024 of green, 1,024 of blue, each plane 32 x 32 row by row
// In memory the planes become channels last. Every length is checked before memory is reserved.
// Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <numeric>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/found_folder.hpp"
#include "spankey/data/pixel_constants.hpp"

namespace spankey {

inline constexpr index_t cifar10_classes = 10;
inline constexpr extents cifar10_sample{3, 32, 32};
inline constexpr index_t cifar10_record_bytes = 1 + cifar10_sample.size();
/// Of a file; the official ones have 10,000.
inline constexpr index_t cifar10_most_records = 1000000;

/// The number of records in `file`, by its length. Errors name the file, the offset, what was expected and what was
/// found: data.111 no such file, data.112 its state cannot be read, data.113 not a regular file, data.114 no records, no
/// whole number of them, or more than cifar10_most_records.
inline index_t cifar10_records_in(const std::filesystem::path& file) {
  const std::string expected = "offset 0: expected a file of records of 3073 bytes, found ";
  std::error_code code;
  const std::filesystem::file_status status = std::filesystem::status(file, code);
  if (status.type() == std::filesystem::file_type::not_found)
    fail("data.111", file.string(), expected, "no such file");
  if (code) fail("data.112", file.string(), expected, "an unreadable path: ", code.message());
  if (!std::filesystem::is_regular_file(status)) {
    fail("data.113", file.string(), expected,
         std::filesystem::is_directory(status) ? "a directory" : "something that is not a regular file");
  }
  const std::uintmax_t found = std::filesystem::file_size(file, code);
  if (code) fail("data.112", file.string(), expected, "an unreadable path: ", code.message());
  constexpr auto bytes = static_cast<std::uintmax_t>(cifar10_record_bytes);
  const std::uintmax_t records = found / bytes, rest = found % bytes;
  if (rest != 0 || records == 0) {
    fail("data.114", file.string(), "offset ", records * bytes,
         ": expected whole records of 3073 bytes, found ", found, " bytes: ", records, " records and ", rest,
         " bytes more",
         found > 0 && found % (bytes + 1) == 0 ? "; they would be whole records of CIFAR-100, 3074 bytes each"
                                               : "");
  }
  if (records > static_cast<std::uintmax_t>(cifar10_most_records))
    fail("data.114", file.string(), "expected at most ", cifar10_most_records, " records, found ", records);
  return static_cast<index_t>(records);
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

/// The records of several files of the CIFAR-10 format, one after the other. Every file's length is checked before the
/// first is read.
inline image_dataset load_cifar10_files(std::span<const std::filesystem::path> files) {
  std::vector<index_t> records;
  for (const std::filesystem::path& file : files) records.push_back(cifar10_records_in(file));
  const index_t count = std::accumulate(records.begin(), records.end(), index_t{0});
  image_dataset data;
  data.name = "cifar10";
  data.sample = cifar10_sample;
  data.classes = cifar10_classes;
  cifar10_pixels().give_to(data);
  data.labels.resize(static_cast<std::size_t>(count));
  data.pixels.resize(static_cast<std::size_t>(count * cifar10_sample.size()));
  std::uint8_t* labels = data.labels.data();
  std::uint8_t* pixels = data.pixels.data();
  for (std::size_t f = 0; f < files.size(); ++f) {
    read_cifar10_file(files[f], records[f], labels, pixels);
    labels += records[f];
    pixels += records[f] * cifar10_sample.size();
  }
  return data;
}

/// The names of a part's files, in the official order.
inline std::vector<std::string> cifar10_names(split part) {
  if (part == split::test) return {"test_batch.bin"};
  return {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
}

/// What to do with what lies in `folder` instead of CIFAR-10's files, beginning with "; "; empty where it is nothing known.
inline std::string cifar10_advice(const std::filesystem::path& folder) {
  std::vector<std::string> names = names_in(folder);
  names.push_back(folder.filename().string() + "/");
  const auto has = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (has("cifar-10-binary.tar.gz")) return "; unpack it: " + how_to_unpack(folder, "cifar-10-binary.tar.gz");
  if (has("cifar-10-batches-py/") || has("cifar-10-python.tar.gz") || has("data_batch_1"))
    return "; those are pickles of Python, which are not read: get cifar-10-binary.tar.gz, the binary "
           "version";
  if (has("cifar-100-binary/") || has("cifar-100-binary.tar.gz") || has("cifar-100-python/"))
    return "; that is CIFAR-100, which has 100 classes and another format";
  return archive_advice(folder);
}

/// The folder of CIFAR-10's files: one of `root` that other tools make, or `root` itself; the first that has one of the
/// files. Fails with data.111 where none has, and says what lies there.
inline std::filesystem::path find_cifar10_folder(const std::filesystem::path& root) {
  static const std::vector<const char*> folders = {"cifar-10-batches-bin",
                                                   "CIFAR10/cifar-10-batches-bin",
                                                   "cifar10/cifar-10-batches-bin",
                                                   "cifar10",
                                                   "CIFAR10",
                                                   "cifar-10"};
  const std::filesystem::path found = folder_that(root, folders, [](const std::filesystem::path& place) {
    std::error_code ignored;
    for (const split part : {split::train, split::test})
      for (const std::string& name : cifar10_names(part))
        if (std::filesystem::status(place / name, ignored).type() != std::filesystem::file_type::not_found)
          return true;
    return false;
  });
  if (!found.empty()) return found;
  const std::filesystem::path place = likely_folder(root, folders);
  fail("data.111", place.string(), "found ", what_lies_in(place), cifar10_advice(place),
       "; expected data_batch_1.bin to data_batch_5.bin and test_batch.bin (CIFAR-10, binary version), in ",
       places_below(root, folders));
}

/// CIFAR-10 from the folder of its files (data_batch_1.bin to data_batch_5.bin, test_batch.bin), or one that holds it, in
/// the official order. Errors data.111 to data.115 name the file.
inline image_dataset load_cifar10(const std::filesystem::path& root, split part) {
  const std::filesystem::path folder = find_cifar10_folder(root);
  std::vector<std::filesystem::path> files;
  for (const std::string& name : cifar10_names(part)) files.push_back(folder / name);
  return load_cifar10_files(files);
}

}  // namespace spankey
