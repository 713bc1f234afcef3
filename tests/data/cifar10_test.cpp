#include "spankey/data/cifar10.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "error_probe.hpp"
#include "spankey/core/error.hpp"

namespace {

using spankey_test::message_of;

namespace fs = std::filesystem;
using spankey::image_dataset;
using spankey::index_t;

// A directory of its own for each test case, removed at the end.
class temporary_directory {
 public:
  temporary_directory() {
    std::random_device device;
    path_ = fs::temp_directory_path() /
            ("spankey-cifar10-" + std::to_string(device()) + std::to_string(device()));
    fs::create_directory(path_);
  }
  ~temporary_directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Byte of channel c, row h, column w of record r in file f: no two of the neighbours are equal.
int pixel(index_t f, index_t r, index_t c, index_t h, index_t w) {
  return static_cast<int>((f * 101 + r * 37 + c * 83 + h * 7 + w * 3) % 256);
}

std::string records(index_t file, index_t count) {
  std::string bytes;
  for (index_t r = 0; r < count; ++r) {
    bytes.push_back(static_cast<char>((file + r) % 10));
    for (index_t c = 0; c < 3; ++c)
      for (index_t h = 0; h < 32; ++h)
        for (index_t w = 0; w < 32; ++w) bytes.push_back(static_cast<char>(pixel(file, r, c, h, w)));
  }
  return bytes;
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out.good());
}

// A file of the given length whose content is zeros; costs no disk space.
void write_zeros(const fs::path& path, std::uintmax_t bytes) {
  write(path, "");
  fs::resize_file(path, bytes);
}

std::string load_files_message(const std::vector<fs::path>& files, index_t count) {
  return message_of([&] { spankey::load_cifar10_files(files, count); });
}

}  // namespace

TEST_CASE("records become labels and channels-last images, file after file") {
  const temporary_directory directory;
  const std::vector<fs::path> files{directory.path() / "a.bin", directory.path() / "b.bin"};
  write(files[0], records(0, 3));
  write(files[1], records(1, 3));
  const image_dataset data = spankey::load_cifar10_files(files, 3);
  REQUIRE(data.size() == 6);
  CHECK(data.sample == spankey::extents{3, 32, 32});
  CHECK(data.classes == 10);
  REQUIRE(data.pixels.size() == 6 * 3072);
  index_t wrong = 0;
  for (index_t n = 0; n < 6; ++n) {
    CHECK(data.label(n) == (n / 3 + n % 3) % 10);
    for (index_t h = 0; h < 32; ++h)
      for (index_t w = 0; w < 32; ++w)
        for (index_t c = 0; c < 3; ++c)
          if (data.image(n)[(h * 32 + w) * 3 + c] != pixel(n / 3, n % 3, c, h, w)) ++wrong;
  }
  CHECK(wrong == 0);
  REQUIRE(data.mean.size() == 3);
  CHECK(data.mean[0] == 0.4914F);
  CHECK(data.mean[2] == 0.4465F);
  CHECK(data.deviation[1] == 0.2435F);
}

TEST_CASE("the test part is one file of 10,000 records, the training part five") {
  const temporary_directory directory;
  write_zeros(directory.path() / "test_batch.bin", 30730000);
  const image_dataset test = spankey::load_cifar10(directory.path(), spankey::split::test);
  CHECK(test.size() == 10000);
  CHECK(test.pixels.size() == 30720000);

  // The fifth training file is checked before any is read: label 255 in the first would be found otherwise.
  for (int i = 1; i <= 4; ++i) {
    write_zeros(directory.path() / ("data_batch_" + std::to_string(i) + ".bin"), 30730000);
  }
  {
    std::fstream first(directory.path() / "data_batch_1.bin",
                       std::ios::in | std::ios::out | std::ios::binary);
    first.put('\xFF');
  }
  const fs::path fifth = directory.path() / "data_batch_5.bin";
  const auto load = [&] { spankey::load_cifar10(directory.path(), spankey::split::train); };
  CHECK(message_of(load) == "[spankey.data.111] " + fifth.string() +
                                ": offset 0: expected a file of 30730000 bytes, found no such file");
  write_zeros(fifth, 30730000);
  CHECK(message_of(load) == "[spankey.data.115] " + (directory.path() / "data_batch_1.bin").string() +
                                ": offset 0: expected a label of 0 to 9, found 255");
}

TEST_CASE("a missing file or directory is named") {
  const temporary_directory directory;
  const fs::path nowhere = directory.path() / "nowhere";
  CHECK(message_of([&] { spankey::load_cifar10(nowhere, spankey::split::test); }) ==
        "[spankey.data.111] " + (nowhere / "test_batch.bin").string() +
            ": offset 0: expected a file of 30730000 bytes, found no such file");
}

TEST_CASE("a directory in place of a file") {
  const temporary_directory directory;
  fs::create_directory(directory.path() / "test_batch.bin");
  CHECK(message_of([&] { spankey::load_cifar10(directory.path(), spankey::split::test); }) ==
        "[spankey.data.113] " + (directory.path() / "test_batch.bin").string() +
            ": offset 0: expected a file of 30730000 bytes, found a directory");
}

TEST_CASE("a path that cannot be followed") {
  const temporary_directory directory;
  const fs::path loop = directory.path() / "test_batch.bin";
  fs::create_symlink(loop, loop);
  const std::string message =
      message_of([&] { spankey::load_cifar10(directory.path(), spankey::split::test); });
  CHECK(message.find("[spankey.data.112] " + loop.string() +
                     ": offset 0: expected a file of 30730000 bytes, found an unreadable path: ") == 0);
}

TEST_CASE("a file without read permission") {
  const temporary_directory directory;
  const fs::path file = directory.path() / "a.bin";
  write(file, records(0, 1));
  fs::permissions(file, fs::perms::none);
  // The superuser may read it all the same: then there is nothing to refuse.
  const bool readable = std::ifstream(file).good();
  const std::string message = load_files_message({file}, 1);
  CHECK(message ==
        (readable ? "no error"
                  : "[spankey.data.112] " + file.string() +
                        ": offset 0: expected 3073 bytes, found a file that cannot be opened for reading"));
}

TEST_CASE("a wrong length is found before anything is read") {
  const temporary_directory directory;
  const fs::path file = directory.path() / "a.bin";
  const std::string two = records(0, 2);
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{3073}, std::size_t{6145}}) {
    write(file, two.substr(0, length));
    CHECK(load_files_message({file}, 2) == "[spankey.data.114] " + file.string() + ": offset " +
                                               std::to_string(length) + ": expected 6146 bytes, found " +
                                               std::to_string(length));
  }
  write(file, two + "x");
  CHECK(load_files_message({file}, 2) ==
        "[spankey.data.114] " + file.string() +
            ": offset 6146: expected the end of the file after 6146 bytes, found 6147");
  write(file, two);
  CHECK(load_files_message({file}, 2) == "no error");
  // A length that a reader must not reserve memory for: 8 TiB, without a byte on the disk.
  std::error_code code;
  fs::resize_file(file, std::uintmax_t{1} << 43, code);
  if (!code) CHECK(load_files_message({file}, 2).find("found 8796093022208") != std::string::npos);
}

TEST_CASE("a file that shrinks between check and reading ends in an error") {
  const temporary_directory directory;
  const fs::path file = directory.path() / "a.bin";
  write(file, records(0, 2).substr(0, 3073 + 100));
  std::vector<std::uint8_t> labels(2), pixels(2 * 3072);
  CHECK(message_of([&] { spankey::read_cifar10_file(file, 2, labels.data(), pixels.data()); }) ==
        "[spankey.data.112] " + file.string() +
            ": offset 3073: expected 3073 bytes of record 1, could read 100");
}

TEST_CASE("a label over 9 is named with its offset") {
  const temporary_directory directory;
  const fs::path file = directory.path() / "a.bin";
  std::string bytes = records(0, 3);
  bytes[2 * 3073] = 10;
  write(file, bytes);
  CHECK(load_files_message({file}, 3) ==
        "[spankey.data.115] " + file.string() + ": offset 6146: expected a label of 0 to 9, found 10");
}
