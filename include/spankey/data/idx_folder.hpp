// The four files of a data set of the MNIST family, under the names and in the folders that they are found in.
//
//   train-images-idx3-ubyte    the official name; a dot for the last dash but one of some mirrors: train-images.idx3-ubyte
//   t10k-images-idx3-ubyte     the test part; EMNIST and QMNIST say test
//   emnist-digits-train-...    EMNIST's sets, qmnist-train-... QMNIST (labels: idx2-int, eight numbers each)
// Each may also lie in a folder of its own name (Kaggle's archive), or be its .gz, which the opener decides
// (data/gzip.hpp). Folders: as torchvision, Keras and git leave them.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/data/byte_source.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/found_folder.hpp"

namespace spankey {

/// Images and labels of one part.
struct idx_pair {
  std::filesystem::path images, labels;
  bool is_emnist = false;  // by their names: the images lie column by column
};

/// Where a set is looked for: folders below the root, in order, and what its names have before `train`; a folder with
/// several is read as the first of them.
struct idx_places {
  std::vector<const char*> folders, prefixes;
};

/// Names of the sets that are read as MNIST.
inline const std::vector<const char*>& mnist_prefixes() {
  static const std::vector<const char*> all = {"",
                                               "emnist-digits-",
                                               "emnist-mnist-",
                                               "qmnist-",
                                               "emnist-balanced-",
                                               "emnist-letters-",
                                               "emnist-byclass-",
                                               "emnist-bymerge-"};
  return all;
}

namespace idx_names {

inline bool is_there(const std::filesystem::path& file) {
  const auto found = [](const std::filesystem::path& path) {
    std::error_code ignored;
    const std::filesystem::file_type type = std::filesystem::status(path, ignored).type();
    return type != std::filesystem::file_type::not_found && type != std::filesystem::file_type::directory;
  };
  return found(file) || found(gzip_name(file));
}

// All spellings of a file, the official one first.
inline std::vector<std::string> spellings(const std::string& prefix, split part, bool images) {
  std::vector<std::string> all;
  for (const char* name : {part == split::train ? "train" : "t10k", part == split::train ? "train" : "test"})
    for (const char* form : {"-idx", ".idx"}) {
      const std::string begin = prefix + name + (images ? "-images" : "-labels") + form;
      all.push_back(begin + (images ? "3-ubyte" : "1-ubyte"));
      if (!images) all.push_back(begin + "2-int");
    }
  return all;
}

// The spelling that is there, or the official one.
inline std::filesystem::path find(const std::filesystem::path& folder, const std::string& prefix, split part,
                                  bool images) {
  const std::vector<std::string> all = spellings(prefix, part, images);
  for (const std::string& name : all) {
    if (is_there(folder / name)) return folder / name;
    if (is_there(folder / name / name)) return folder / name / name;
  }
  return folder / all.front();
}

inline bool holds_any(const std::filesystem::path& folder, const std::string& prefix) {
  for (const split part : {split::train, split::test})
    for (const bool images : {true, false})
      if (is_there(find(folder, prefix, part, images))) return true;
  return false;
}

}  // namespace idx_names

/// The files of a part below `root`: in the first of the folders that holds one of the four, else in `root` itself; both
/// parts are of one folder and one set. A file of them that is not there has its official name. Fails with data.141 where
/// there is none of the four, and says what lies there.
inline idx_pair find_idx_files(const std::filesystem::path& root, const idx_places& places, split part) {
  const std::filesystem::path folder =
      folder_that(root, places.folders, [&](const std::filesystem::path& place) {
        for (const char* prefix : places.prefixes)
          if (idx_names::holds_any(place, prefix)) return true;
        return false;
      });
  if (folder.empty()) {
    const std::filesystem::path place = likely_folder(root, places.folders);
    std::string others, names;
    for (const std::string& name : names_in(root))
      for (const char* other : {"EMNIST/", "FashionMNIST/", "KMNIST/", "MNIST/", "QMNIST/"})
        if (name == other && place == root)
          others = "; " + name + " is another data set: name its own folder, if it is meant";
    for (const char* prefix : places.prefixes)
      if (*prefix != '\0' && (places.prefixes.size() < 3 || names.empty()))
        names += (names.empty() ? std::string() : ", ") + prefix + "train-...";
    const std::string first(places.prefixes.front());
    fail("data.141", place.string(), "found ", what_lies_in(place), archive_advice(place), others,
         "; expected ", first, "train-images-idx3-ubyte and its three companions (also ", first,
         "train-images.idx3-ubyte, ", first.empty() && !names.empty() ? names + ", " : std::string(),
         "each plain or .gz), in ", places_below(root, places.folders));
  }
  for (const char* prefix : places.prefixes)
    if (idx_names::holds_any(folder, prefix))
      return {idx_names::find(folder, prefix, part, true), idx_names::find(folder, prefix, part, false),
              std::string(prefix).starts_with("emnist-")};
  return {};
}

}  // namespace spankey
