#include "spankey/data/mnist_family.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "idx_files.hpp"
#include "spankey/data/idx.hpp"

namespace fs = std::filesystem;
using spankey::class_label;
using spankey::image_dataset;
using spankey::split;
using spankey_test::big_endian;
using spankey_test::check_refused;
using spankey_test::idx_images;
using spankey_test::idx_labels;
using spankey_test::put;
using spankey_test::scratch_directory;

namespace {

std::string labels_of(const std::vector<int>& labels) {
  std::string bytes = big_endian({0x801, static_cast<std::uint32_t>(labels.size())});
  for (const int label : labels) bytes += static_cast<char>(label);
  return bytes;
}

// Where image 1 of a file has a byte, upright or as EMNIST lays it.
void check_upright(const image_dataset& data, bool transposed) {
  for (spankey::index_t row = 0; row < 28; ++row)
    for (spankey::index_t column = 0; column < 28; ++column)
      REQUIRE(data.image(1)[row * 28 + column] ==
              spankey_test::idx_pixel(784 + (transposed ? column * 28 + row : row * 28 + column)));
}

}  // namespace

TEST_CASE("EMNIST stands upright, and its letters begin with class 0") {
  const scratch_directory directory;
  const std::string folder = directory / "emnist/gzip";
  fs::create_directories(folder);
  put(folder + "/emnist-letters-train-images-idx3-ubyte", idx_images(3));
  put(folder + "/emnist-letters-train-labels-idx1-ubyte", labels_of({1, 26, 9}));
  const auto load = [&] { return spankey::load_emnist(directory.path(), "letters", split::train); };
  const image_dataset data = load();
  CHECK(data.name == "emnist-letters");
  CHECK(data.classes == 26);
  CHECK(data.labels == std::vector<class_label>{0, 25, 8});
  check_upright(data, true);
  put(folder + "/emnist-letters-train-labels-idx1-ubyte", labels_of({1, 0, 9}));
  check_refused(load, "data.148", {"emnist-letters-train-labels", "offset 9", "1 to 26", "found 0"});
  put(folder + "/emnist-letters-train-labels-idx1-ubyte", labels_of({1, 27, 9}));
  check_refused(load, "data.148", {"offset 9", "1 to 26", "found 27"});
  check_refused([&] { spankey::load_emnist(directory.path(), "letters", split::test); }, "data.141",
                {"emnist-letters-t10k-images-idx3-ubyte"});
}

TEST_CASE("every set of EMNIST is found by its own name, beside the others") {
  const scratch_directory directory;
  for (const spankey::emnist_set& set : spankey::emnist_sets) {
    const std::string prefix = "emnist-" + std::string(set.name) + "-test-";
    const int first = static_cast<int>(set.first_label), last = first + static_cast<int>(set.classes) - 1;
    put(directory / (prefix + "images-idx3-ubyte"), idx_images(2));
    put(directory / (prefix + "labels-idx1-ubyte"), labels_of({first, last}));
  }
  for (const spankey::emnist_set& set : spankey::emnist_sets) {
    const image_dataset data = spankey::load_emnist(directory.path(), set.name, split::test);
    CHECK(data.classes == set.classes);
    CHECK(data.label(1) == set.classes - 1);
    check_upright(data, true);
  }
  // Read as MNIST they stand upright as well.
  check_upright(spankey::load_mnist(directory.path(), split::test), true);
  check_refused([&] { spankey::load_emnist(directory.path(), "letter", split::test); }, "data.149",
                {"letter", "letters"});
  check_refused([&] { spankey::load_emnist(directory / "x", "letters", split::test); }, "data.141",
                {"no such folder", "emnist-letters-train-images-idx3-ubyte"});
}

TEST_CASE("KMNIST has MNIST's names, QMNIST its own, and neither is transposed") {
  const scratch_directory directory;
  for (const char* folder : {"KMNIST/raw", "QMNIST"})
    fs::create_directories(fs::path(directory.path()) / folder);
  put(directory / "KMNIST/raw/t10k-images-idx3-ubyte", idx_images(2));
  put(directory / "KMNIST/raw/t10k-labels-idx1-ubyte", idx_labels(2, 4));
  const image_dataset kana = spankey::load_kmnist(directory.path(), split::test);
  CHECK(kana.labels == std::vector<class_label>{4, 5});
  check_upright(kana, false);

  put(directory / "QMNIST/qmnist-test-images-idx3-ubyte", idx_images(2));
  std::string labels = big_endian({0xC02, 2, 8});
  for (const std::uint32_t label : {7U, 3U}) labels += big_endian({label, 1, 2, 3, 4, 500, 6, 0});
  put(directory / "QMNIST/qmnist-test-labels-idx2-int", labels);
  const image_dataset digits = spankey::load_qmnist(directory.path(), split::test);
  CHECK(digits.labels == std::vector<class_label>{7, 3});
  CHECK(digits.classes == 10);
  check_upright(digits, false);
}
