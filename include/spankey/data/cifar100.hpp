// CIFAR-100 from the official binary files: 50,000 training and 10,000 test images, 3x32x32, each with a fine label of 100
// classes and a coarse one of 20. The records: data/cifar_records.hpp. It brings no mean and deviation: see measured_pixels
// in data/pixel_constants.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/cifar_records.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/found_folder.hpp"

namespace spankey {

/// Which of an image's two labels a data set has.
enum class cifar100_labels { coarse, fine };

constexpr cifar_form cifar100_form(cifar100_labels labels) {
  return labels == cifar100_labels::fine ? cifar_form{"cifar100", {20, 100}, 1}
                                         : cifar_form{"cifar100-coarse", {20, 100}, 0};
}

/// What to do with what lies in `folder` instead of CIFAR-100's files, beginning with "; "; empty where it is nothing known.
inline std::string cifar100_advice(const std::filesystem::path& folder) {
  std::vector<std::string> names = names_in(folder);
  names.push_back(folder.filename().string() + "/");
  const auto has = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (has("cifar-100-binary.tar.gz"))
    return "; unpack it: " + how_to_unpack(folder, "cifar-100-binary.tar.gz");
  if (has("cifar-100-python/") || has("cifar-100-python.tar.gz") || (has("train") && has("meta")))
    return "; those are pickles of Python, which are not read: get cifar-100-binary.tar.gz, the binary "
           "version";
  if (has("cifar-10-batches-bin/") || has("data_batch_1.bin"))
    return "; that is CIFAR-10, which has 10 classes and another format (load_cifar10, --data cifar10)";
  return archive_advice(folder);
}

/// The folder of CIFAR-100's files: one of `root` that other tools make, or `root` itself; the first that has one of the
/// two files. Fails with data.111 where none has, and says what lies there.
inline std::filesystem::path find_cifar100_folder(const std::filesystem::path& root) {
  static const std::vector<const char*> folders = {
      "cifar-100-binary", "CIFAR100/cifar-100-binary", "cifar100/cifar-100-binary", "cifar100", "CIFAR100",
      "cifar-100"};
  const std::filesystem::path found = folder_that(root, folders, [](const std::filesystem::path& place) {
    std::error_code ignored;
    for (const char* name : {"train.bin", "test.bin"})
      if (std::filesystem::status(place / name, ignored).type() != std::filesystem::file_type::not_found)
        return true;
    return false;
  });
  if (!found.empty()) return found;
  const std::filesystem::path place = likely_folder(root, folders);
  fail("data.111", place.string(), "found ", what_lies_in(place), cifar100_advice(place),
       "; expected train.bin and test.bin (CIFAR-100, binary version), in ", places_below(root, folders));
}

/// CIFAR-100 from the folder of its files (train.bin, test.bin), or one that holds it, in the official order. Errors
/// data.111 to data.115 name the file.
inline image_dataset load_cifar100(const std::filesystem::path& root, split part,
                                   cifar100_labels labels = cifar100_labels::fine) {
  const std::filesystem::path folder = find_cifar100_folder(root);
  const std::array<std::filesystem::path, 1> files = {folder /
                                                      (part == split::train ? "train.bin" : "test.bin")};
  return load_cifar_files(files, cifar100_form(labels));
}

}  // namespace spankey
