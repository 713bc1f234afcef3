// CIFAR-10 from the official binary files: 50,000 training and 10,000 test images, 3x32x32, 10 classes. The records:
// data/cifar_records.hpp.
#pragma once

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/cifar_records.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/found_folder.hpp"
#include "spankey/data/pixel_constants.hpp"

namespace spankey {

inline constexpr index_t cifar10_classes = 10;
inline constexpr extents cifar10_sample = cifar_sample;
inline constexpr cifar_form cifar10_form{"cifar10", {cifar10_classes, 0}};

/// The records of several files of the CIFAR-10 format, one after the other. Errors data.111 to data.115 name the file.
inline image_dataset load_cifar10_files(std::span<const std::filesystem::path> files) {
  image_dataset data = load_cifar_files(files, cifar10_form);
  cifar10_pixels().give_to(data);
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
    return "; that is CIFAR-100, which has 100 classes and another format (load_cifar100, --data cifar100)";
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
