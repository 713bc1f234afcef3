#include "spankey/data/idx_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "idx_files.hpp"
#include "spankey/data/idx.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::image_dataset;
using spankey::split;
using spankey_test::idx_images;
using spankey_test::idx_labels;
using spankey_test::message_of;
using spankey_test::put;
using spankey_test::scratch_directory;

// Three training images, labels from 1 on; two test images, labels from 7 on.
void put_set(const fs::path& folder, const std::string& train, const std::string& test,
             const std::string& images, const std::string& labels) {
  fs::create_directories(folder);
  put((folder / (train + images)).string(), idx_images(3));
  put((folder / (train + labels)).string(), idx_labels(3, 1));
  put((folder / (test + images)).string(), idx_images(2));
  put((folder / (test + labels)).string(), idx_labels(2, 7));
}

void check_set(const fs::path& root) {
  CAPTURE(root.string());
  const image_dataset train = spankey::load_mnist(root, split::train);
  const image_dataset test = spankey::load_mnist(root, split::test);
  CHECK(train.size() == 3);
  CHECK(train.label(0) == 1);
  CHECK(test.size() == 2);
  CHECK(test.label(0) == 7);
}

constexpr const char *images = "-images-idx3-ubyte", *labels = "-labels-idx1-ubyte";

}  // namespace

TEST_CASE("the names under which the four files are found") {
  const auto check = [](const std::string& train, const std::string& test, const std::string& i,
                        const std::string& l) {
    const scratch_directory directory;
    put_set(directory.path(), train, test, i, l);
    check_set(directory.path());
  };
  check("train", "t10k", images, labels);
  check("train", "t10k", "-images.idx3-ubyte", "-labels.idx1-ubyte");
  check("train", "t10k", "-images.idx3-ubyte", labels);
  check("train", "test", images, labels);
  check("emnist-digits-train", "emnist-digits-test", images, labels);
  check("emnist-mnist-train", "emnist-mnist-test", images, labels);
}

TEST_CASE("the folders in which they are found") {
  for (const char* folder : {".", "mnist", "MNIST/raw", "MNIST", "raw", "mnist/raw"}) {
    const scratch_directory directory;
    put_set(fs::path(directory.path()) / folder, "train", "t10k", images, labels);
    check_set(directory.path());
  }
  for (const char* folder : {".", "fashion-mnist", "FashionMNIST/raw", "data/fashion", "fashion_mnist"}) {
    const scratch_directory directory;
    put_set(fs::path(directory.path()) / folder, "train", "t10k", images, labels);
    CHECK(spankey::load_fashion_mnist(directory.path(), split::train).size() == 3);
  }
  // Each file in a folder of its own name.
  const scratch_directory directory;
  for (const char* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"})
    fs::create_directories(fs::path(directory.path()) / name);
  put(directory / "train-images-idx3-ubyte/train-images-idx3-ubyte", idx_images(4));
  put(directory / "train-labels-idx1-ubyte/train-labels-idx1-ubyte", idx_labels(4));
  CHECK(spankey::load_mnist(directory.path(), split::train).size() == 4);
}

TEST_CASE("both parts are of one set, and a named folder comes before the root") {
  const scratch_directory directory;
  put_set(directory.path(), "emnist-digits-train", "emnist-digits-test", images, labels);
  put(directory / "train-images-idx3-ubyte", idx_images(1));
  CHECK(message_of([&] { spankey::load_mnist(directory.path(), split::test); }) ==
        "[spankey.data.141] " + (directory / "t10k-images-idx3-ubyte") +
            ": offset 0: expected a file, found no such file");
  put_set(fs::path(directory.path()) / "mnist", "train", "t10k", images, labels);
  check_set(directory.path());
}

TEST_CASE("what lies there instead is said in one line") {
  const auto answer = [](const std::vector<std::string>& files, const std::string& below) {
    const scratch_directory directory;
    for (const std::string& file : files) {
      fs::create_directories((fs::path(directory.path()) / file).parent_path());
      if (!file.ends_with("/")) put(directory / file, "x");
    }
    std::string message = message_of(
        [&] { spankey::load_mnist(directory.path() + (below.empty() ? "" : "/" + below), split::train); });
    const std::string root = fs::path(directory.path()).string();
    for (std::size_t at = 0; (at = message.find(root)) != std::string::npos;)
      message.replace(at, root.size(), "ROOT");
    return message;
  };
  const auto has = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(answer({}, "x"),
      "[spankey.data.141] ROOT/x: found no such folder; expected train-images-idx3-ubyte and");
  has(answer({"mnist.npz"}, ""), "ROOT: found mnist.npz; expected train-images-idx3-ubyte and its three");
  has(answer({"mnist/training.pt", "b"}, ""), "ROOT/mnist: found training.pt; expected");
  has(answer({"a"}, ""),
      "in mnist/, mnist/raw/, MNIST/raw/, MNIST/ or raw/ of ROOT, or in that folder itself");
  has(answer({"archive.zip"}, ""), "; unpack it: unzip ROOT/archive.zip -d ROOT");
  has(answer({"KMNIST/raw/train-images-idx3-ubyte"}, ""),
      "; KMNIST/ is another data set: name its own folder");
  const std::string many = answer({"1", "2", "3", "4", "5", "6", "7", "8", "9", "a\nb"}, "");
  has(many, "found 1, 2, 3, 4, 5, 6, 7, 8 and 2 more; ");
  CHECK(many.find('\n') == std::string::npos);
}

TEST_CASE("other data sets of the form, by their own folders") {
  for (const char* folder : {"KMNIST/raw", "EMNIST/raw", "QMNIST/raw"}) {
    const scratch_directory directory;
    put_set(fs::path(directory.path()) / folder, "train", "t10k", images, labels);
    check_set((fs::path(directory.path()) / folder).parent_path());
    check_set(fs::path(directory.path()) / folder);
  }
}
