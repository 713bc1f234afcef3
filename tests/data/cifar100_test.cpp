#include "spankey/data/cifar100.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/pixel_constants.hpp"

namespace fs = std::filesystem;
using spankey::cifar100_labels;
using spankey::image_dataset;
using spankey::load_cifar100;
using spankey::split;
using spankey_test::check_refused;
using spankey_test::put;
using spankey_test::scratch_directory;

namespace {

// Records r = 0, 1, ...: coarse label r, fine label 90 + r, every plane filled with a number of its own.
std::string records(int count) {
  std::string bytes;
  for (int r = 0; r < count; ++r) {
    bytes += static_cast<char>(r);
    bytes += static_cast<char>(90 + r);
    for (int plane = 0; plane < 3; ++plane) bytes += std::string(1024, static_cast<char>(10 * plane + r));
  }
  return bytes;
}

}  // namespace

TEST_CASE("fine and coarse labels of the same images") {
  const scratch_directory directory;
  put(directory / "train.bin", records(3));
  put(directory / "test.bin", records(1));
  const image_dataset fine = load_cifar100(directory.path(), split::train);
  CHECK(fine.name == "cifar100");
  CHECK(fine.classes == 100);
  CHECK(fine.labels == std::vector<spankey::class_label>{90, 91, 92});
  CHECK(fine.sample == spankey::extents{3, 32, 32});
  CHECK(fine.image(2)[0] == 2);
  CHECK(fine.image(2)[1] == 12);
  CHECK(fine.image(2)[3071] == 22);
  const image_dataset coarse = load_cifar100(directory.path(), split::train, cifar100_labels::coarse);
  CHECK(coarse.classes == 20);
  CHECK(coarse.labels == std::vector<spankey::class_label>{0, 1, 2});
  CHECK(coarse.pixels == fine.pixels);
  CHECK(load_cifar100(directory.path(), split::test).size() == 1);

  // It brings no constants; whoever measures them has a data set that a loader takes.
  image_dataset data = fine;
  CHECK(data.mean.empty());
  spankey::measured_pixels(fine).give_to(data);
  spankey::require_usable(data, "test");
}

TEST_CASE("the folders in which the two files are found, and what lies there instead") {
  for (const char* folder : {"cifar-100-binary", "CIFAR100/cifar-100-binary", "cifar100", "."}) {
    const scratch_directory directory;
    fs::create_directories(fs::path(directory.path()) / folder);
    put((fs::path(directory.path()) / folder / "test.bin").string(), records(2));
    CHECK(load_cifar100(directory.path(), split::test).size() == 2);
    check_refused([&] { load_cifar100(directory.path(), split::train); }, "data.111",
                  {"train.bin", "no such file", "3074"});
  }
  const auto answer = [](const std::string& file, const std::string& part) {
    const scratch_directory directory;
    fs::create_directories((fs::path(directory.path()) / file).parent_path());
    put(directory / file, "x");
    check_refused([&] { load_cifar100(directory.path(), split::test); }, "data.111", {part, "train.bin"});
  };
  answer("cifar-100-binary.tar.gz", "unpack it: tar -xf");
  answer("cifar-100-python/train", "pickles");
  answer("cifar-10-batches-bin/data_batch_1.bin", "that is CIFAR-10, which has 10 classes");
}

TEST_CASE("records that are not CIFAR-100's") {
  const scratch_directory directory;
  const auto load = [&] { load_cifar100(directory.path(), split::test, cifar100_labels::fine); };
  const std::string file = directory / "test.bin";
  put(file, records(2).substr(0, 6147));
  check_refused(load, "data.114", {"3074", "6147", "1 records and 3073 bytes more"});
  put(file, std::string(2 * 3073, '\0'));
  check_refused(load, "data.114", {"they would be whole records of CIFAR-10, 3073 bytes each"});
  std::string bytes = records(2);
  bytes[3074 + 1] = 100;
  put(file, bytes);
  check_refused(load, "data.115", {"offset 3075", "0 to 99", "found 100"});
  bytes = records(2);
  bytes[3074] = 20;  // a coarse label: wrong even where nobody asks for it
  put(file, bytes);
  check_refused(load, "data.115", {"offset 3074", "0 to 19", "found 20"});
}
