// The records of CIFAR-10 and CIFAR-100 (binary versions), which differ in their labels:
//
//   labels, a byte each (CIFAR-10: one; CIFAR-100: coarse, fine), then 1,024 bytes of red, 1,024 of green, 1,024 of blue,
//   each plane 32 x 32 row by row
// A file is a whole number of records without a header. In memory the planes become channels last. Every length is checked
// before memory is reserved.
// Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
#pragma once

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
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/dataset.hpp"

namespace spankey {

inline constexpr extents cifar_sample{3, 32, 32};
/// Of a file; the official ones have 10,000 or 50,000.
inline constexpr index_t cifar_most_records = 1000000;

/// Records whose label byte i has `classes[i]` values; the data set's label is byte `label`.
struct cifar_form {
  const char* name;
  std::array<index_t, 2> classes;  // 0: there is no second label
  std::size_t label = 0;

  [[nodiscard]] constexpr index_t labels() const { return classes[1] == 0 ? 1 : 2; }
  [[nodiscard]] constexpr index_t record_bytes() const { return labels() + cifar_sample.size(); }
};

/// The number of records in `file`, by its length. Errors name the file, the offset, what was expected and what was
/// found: data.111 no such file, data.112 its state cannot be read, data.113 not a regular file, data.114 no records, no
/// whole number of them, or more than cifar_most_records.
inline index_t cifar_records_in(const std::filesystem::path& file, const cifar_form& form) {
  const index_t each = form.record_bytes();
  const std::string expected =
      "offset 0: expected a file of records of " + std::to_string(each) + " bytes, found ";
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
  const auto bytes = static_cast<std::uintmax_t>(each);
  const std::uintmax_t records = found / bytes, rest = found % bytes;
  if (rest != 0 || records == 0) {
    const std::uintmax_t other = form.labels() == 1 ? bytes + 1 : bytes - 1;
    fail("data.114", file.string(), "offset ", records * bytes, ": expected whole records of ", each,
         " bytes, found ", found, " bytes: ", records, " records and ", rest, " bytes more",
         found == 0 || found % other != 0
             ? std::string()
             : "; they would be whole records of CIFAR-10" + std::string(form.labels() == 1 ? "0, " : ", ") +
                   std::to_string(other) + " bytes each");
  }
  if (records > static_cast<std::uintmax_t>(cifar_most_records))
    fail("data.114", file.string(), "expected at most ", cifar_most_records, " records, found ", records);
  return static_cast<index_t>(records);
}

/// Reads `records` records of `file` into labels (records) and pixels (records x 32 x 32 x 3). Errors:
/// data.112 the file cannot be opened or ends early, data.115 a label that its kind does not have.
inline void read_cifar_file(const std::filesystem::path& file, const cifar_form& form, index_t records,
                            class_label* labels, std::uint8_t* pixels) {
  std::ifstream in(file, std::ios::binary);
  const index_t each = form.record_bytes();
  if (!in) {
    fail("data.112", file.string(), "offset 0: expected ", records * each,
         " bytes, found a file that cannot be opened for reading");
  }
  std::vector<char> record(static_cast<std::size_t>(each));
  for (index_t r = 0; r < records; ++r) {
    const index_t offset = r * each;
    in.read(record.data(), each);
    if (in.gcount() != each) {
      fail("data.112", file.string(), "offset ", offset, ": expected ", each, " bytes of record ", r,
           ", could read ", in.gcount());
    }
    for (index_t l = 0; l < form.labels(); ++l) {
      const auto at = static_cast<std::size_t>(l);
      const auto label = static_cast<std::uint8_t>(record[at]);
      if (label >= form.classes[at]) {
        fail("data.115", file.string(), "offset ", offset + l, ": expected a label of 0 to ",
             form.classes[at] - 1, ", found ", int{label});
      }
      if (at == form.label) labels[r] = label;
    }
    std::uint8_t* image = pixels + r * cifar_sample.size();
    for (index_t i = 0; i < cifar_sample.size(); ++i) {
      image[i] = static_cast<std::uint8_t>(
          record[static_cast<std::size_t>(form.labels() + file_index(cifar_sample, i))]);
    }
  }
}

/// The records of several files of one form, one after the other. Every file's length is checked before the first is read.
/// Mean and deviation are left to the caller.
inline image_dataset load_cifar_files(std::span<const std::filesystem::path> files, const cifar_form& form) {
  std::vector<index_t> records;
  for (const std::filesystem::path& file : files) records.push_back(cifar_records_in(file, form));
  const index_t count = std::accumulate(records.begin(), records.end(), index_t{0});
  image_dataset data;
  data.name = form.name;
  data.sample = cifar_sample;
  data.classes = form.classes[form.label];
  data.labels.resize(static_cast<std::size_t>(count));
  data.pixels.resize(static_cast<std::size_t>(count * cifar_sample.size()));
  class_label* labels = data.labels.data();
  std::uint8_t* pixels = data.pixels.data();
  for (std::size_t f = 0; f < files.size(); ++f) {
    read_cifar_file(files[f], form, records[f], labels, pixels);
    labels += records[f];
    pixels += records[f] * cifar_sample.size();
  }
  return data;
}

}  // namespace spankey
