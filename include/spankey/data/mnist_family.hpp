// KMNIST, QMNIST and EMNIST: sets of MNIST's form (data/idx.hpp) under the names and in the folders that their archives and
// torchvision leave. They bring no mean and deviation: see measured_pixels in data/pixel_constants.hpp.
//
// EMNIST lies transposed in its files, and its letters are labelled from 1 on; in memory images stand upright and classes
// begin with 0. Sources: T. Clanuwat et al., "Deep Learning for Classical Japanese Literature", 2018; C. Yadav, L. Bottou,
// "Cold Case: The Lost MNIST Digits", 2019; G. Cohen et al., "EMNIST: an extension of MNIST to handwritten letters", 2017.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/idx.hpp"
#include "spankey/data/idx_folder.hpp"

namespace spankey {

/// Kuzushiji-MNIST, ten classes. Errors: those of load_mnist.
inline image_dataset load_kmnist(const std::filesystem::path& root, split part,
                                 byte_opener open = open_file) {
  image_dataset data =
      load_idx_directory(root, {{"kmnist", "kmnist/raw", "KMNIST/raw", "KMNIST", "raw"}, {""}}, part, open);
  data.name = "kmnist";
  return data;
}

/// QMNIST, ten classes, 60,000 test images. Errors: those of load_mnist.
inline image_dataset load_qmnist(const std::filesystem::path& root, split part,
                                 byte_opener open = open_file) {
  image_dataset data = load_idx_directory(
      root, {{"qmnist", "qmnist/raw", "QMNIST/raw", "QMNIST", "raw"}, {"qmnist-"}}, part, open);
  data.name = "qmnist";
  return data;
}

/// A set of EMNIST: its name in the files' names, its classes, and the label of the first.
struct emnist_set {
  const char* name;
  index_t classes, first_label;
};

inline constexpr std::array<emnist_set, 6> emnist_sets{{{"balanced", 47, 0},
                                                        {"byclass", 62, 0},
                                                        {"bymerge", 47, 0},
                                                        {"digits", 10, 0},
                                                        {"letters", 26, 1},
                                                        {"mnist", 10, 0}}};

/// A set of EMNIST by name: emnist-NAME-train-images-idx3-ubyte and its three companions. Errors: data.149 no such set, and
/// those of load_mnist.
inline image_dataset load_emnist(const std::filesystem::path& root, std::string_view name, split part,
                                 byte_opener open = open_file) {
  for (const emnist_set& set : emnist_sets) {
    if (name != set.name) continue;
    const std::string prefix = "emnist-" + std::string(name) + "-";
    image_dataset data =
        load_idx_directory(root,
                           {{"emnist", "emnist/gzip", "emnist/raw", "EMNIST/raw", "EMNIST/raw/gzip",
                             "EMNIST/gzip", "EMNIST", "gzip", "raw"},
                            {prefix.c_str()}},
                           part, open, {.classes = set.classes, .first_label = set.first_label});
    data.name = "emnist-" + std::string(name);
    return data;
  }
  std::string known;
  for (const emnist_set& set : emnist_sets) known += (known.empty() ? "" : ", ") + std::string(set.name);
  fail("data.149", "EMNIST", "found '", name, "', expected one of ", known);
}

}  // namespace spankey
