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

std::string load_files_message(const std::vector<fs::path>& files) {
  return message_of([&] { spankey::load_cifar10_files(files); });
}

const std::string records_expected = ": offset 0: expected a file of records of 3073 bytes, found ";

}  // namespace

TEST_CASE("records become labels and channels-last images, file after file") {
  const temporary_directory directory;
  const std::vector<fs::path> files{directory.path() / "a.bin", directory.path() / "b.bin"};
  write(files[0], records(0, 3));
  write(files[1], records(1, 4));  // of any whole number
  const image_dataset data = spankey::load_cifar10_files(files);
  REQUIRE(data.size() == 7);
  CHECK(data.sample == spankey::extents{3, 32, 32});
  CHECK(data.classes == 10);
  REQUIRE(data.pixels.size() == 7 * 3072);
  index_t wrong = 0;
  for (index_t n = 0; n < 7; ++n) {
    CHECK(data.label(n) == (n < 3 ? n : n - 2) % 10);
    for (index_t h = 0; h < 32; ++h)
      for (index_t w = 0; w < 32; ++w)
        for (index_t c = 0; c < 3; ++c)
          if (data.image(n)[(h * 32 + w) * 3 + c] != pixel(n < 3 ? 0 : 1, n < 3 ? n : n - 3, c, h, w))
            ++wrong;
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
                                ": offset 0: expected a file of records of 3073 bytes, found no such file");
  write_zeros(fifth, 30730000);
  CHECK(message_of(load) == "[spankey.data.115] " + (directory.path() / "data_batch_1.bin").string() +
                                ": offset 0: expected a label of 0 to 9, found 255");
}

TEST_CASE("the folders that other tools make, and the one that is named itself") {
  for (const char* folder : {"cifar-10-batches-bin", "CIFAR10/cifar-10-batches-bin", "cifar10", "."}) {
    const temporary_directory directory;
    fs::create_directories(directory.path() / folder);
    write(directory.path() / folder / "test_batch.bin", records(0, 2));
    CHECK(spankey::load_cifar10(directory.path(), spankey::split::test).size() == 2);
    CHECK(message_of([&] {
            spankey::load_cifar10(directory.path(), spankey::split::train);
          }).find("data_batch_1.bin: offset 0: expected a file of records") != std::string::npos);
  }
}

TEST_CASE("what lies there instead is said, with what to do") {
  const auto answer = [](const std::vector<std::string>& files, const fs::path& below) {
    const temporary_directory directory;
    for (const std::string& file : files) {
      fs::create_directories((directory.path() / file).parent_path());
      if (!file.ends_with("/")) write(directory.path() / file, "x");
    }
    std::string message = message_of([&] {
      spankey::load_cifar10(below.empty() ? directory.path() : directory.path() / below,
                            spankey::split::test);
    });
    for (std::size_t at = 0; (at = message.find(directory.path().string())) != std::string::npos;)
      message.replace(at, directory.path().string().size(), "ROOT");
    return message;
  };
  const auto has = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(answer({}, "nowhere"),
      "[spankey.data.111] ROOT/nowhere: found no such folder; expected data_batch_1.bin");
  has(answer({}, ""), ": found nothing; expected data_batch_1.bin to data_batch_5.bin and test_batch.bin");
  has(answer({"cifar-10-batches-bin/readme.html"}, ""), "ROOT/cifar-10-batches-bin: found readme.html; ");
  has(answer({"cifar-10-binary.tar.gz", "a"}, ""),
      "found a, cifar-10-binary.tar.gz; unpack it: tar -xf ROOT/cifar-10-binary.tar.gz -C ROOT; expected "
      "data_batch_1.bin");
  has(answer({"cifar-10-binary.tar.gz", "cifar-10-batches-py/test_batch"}, ""),
      "; unpack it: tar -xf ROOT/cifar-10-binary.tar.gz -C ROOT");
  has(answer({"a b/cifar-10-binary.tar.gz"}, "a b"),
      "tar -xf 'ROOT/a b/cifar-10-binary.tar.gz' -C 'ROOT/a b'");
  has(answer({"cifar-10-binary.tar.gz"}, "cifar-10-binary.tar.gz"), "found a file, no folder; unpack it: ");
  has(answer({"cifar-10-binary.tar.gz"}, "cifar-10-binary.tar.gz"),
      "; unpack it: tar -xf ROOT/cifar-10-binary.tar.gz -C ROOT");
  has(answer({"cifar-10-batches-py/test_batch"}, ""),
      "; those are pickles of Python, which are not read: get cifar-10-b");
  has(answer({"cifar-10-batches-py/data_batch_1"}, "cifar-10-batches-py"), "found data_batch_1; ");
  has(answer({"cifar-10-batches-py/data_batch_1"}, "cifar-10-batches-py"), "; those are pickles of Python");
  has(answer({"cifar-100-binary/train.bin"}, ""), "; that is CIFAR-100, which has 100 classes");
  has(answer({"cifar-100-binary/train.bin"}, "cifar-100-binary"),
      "; that is CIFAR-100, which has 100 classes");
  CHECK(answer({"a/", "b/", "c/"}, "").find('\n') == std::string::npos);
}

TEST_CASE("a directory in place of a file") {
  const temporary_directory directory;
  fs::create_directory(directory.path() / "test_batch.bin");
  CHECK(message_of([&] { spankey::load_cifar10(directory.path(), spankey::split::test); }) ==
        "[spankey.data.113] " + (directory.path() / "test_batch.bin").string() + records_expected +
            "a directory");
}

TEST_CASE("a path that cannot be followed") {
  const temporary_directory directory;
  const fs::path loop = directory.path() / "test_batch.bin";
  fs::create_symlink(loop, loop);
  const std::string message =
      message_of([&] { spankey::load_cifar10(directory.path(), spankey::split::test); });
  CHECK(message.find("[spankey.data.112] " + loop.string() + records_expected + "an unreadable path: ") == 0);
}

TEST_CASE("a file without read permission") {
  const temporary_directory directory;
  const fs::path file = directory.path() / "a.bin";
  write(file, records(0, 1));
  fs::permissions(file, fs::perms::none);
  // The superuser may read it all the same: then there is nothing to refuse.
  const bool readable = std::ifstream(file).good();
  const std::string message = load_files_message({file});
  CHECK(message ==
        (readable ? "no error"
                  : "[spankey.data.112] " + file.string() +
                        ": offset 0: expected 3073 bytes, found a file that cannot be opened for reading"));
}

TEST_CASE("a wrong length is found before anything is read") {
  const temporary_directory directory;
  const fs::path file = directory.path() / "a.bin";
  const std::string two = records(0, 2);
  const auto of_length = [&](std::size_t length) {
    std::string bytes = two + two;
    write(file, bytes.substr(0, length));
    return load_files_message({file});
  };
  const auto wrong = [&](std::size_t whole, std::size_t found, std::size_t rest) {
    return "[spankey.data.114] " + file.string() + ": offset " + std::to_string(whole * 3073) +
           ": expected whole records of 3073 bytes, found " + std::to_string(found) +
           " bytes: " + std::to_string(whole) + " records and " + std::to_string(rest) + " bytes more";
  };
  CHECK(of_length(0) == wrong(0, 0, 0));
  CHECK(of_length(1) == wrong(0, 1, 1));
  CHECK(of_length(6145) == wrong(1, 6145, 3072));
  CHECK(of_length(6147) == wrong(2, 6147, 1));
  CHECK(of_length(6148) == wrong(2, 6148, 2) + "; they would be whole records of CIFAR-100, 3074 bytes each");
  CHECK(of_length(6146) == "no error");
  // A length that a reader must not reserve memory for: 8 TiB, without a byte on the disk.
  std::error_code code;
  fs::resize_file(file, std::uintmax_t{3073} << 31, code);
  if (!code)
    CHECK(load_files_message({file}).find("expected at most 1000000 records, found 2147483648") !=
          std::string::npos);
}

TEST_CASE("a file that shrinks between check and reading ends in an error") {
  const temporary_directory directory;
  const fs::path file = directory.path() / "a.bin";
  write(file, records(0, 2).substr(0, 3073 + 100));
  std::vector<spankey::class_label> labels(2);
  std::vector<std::uint8_t> pixels(2 * 3072);
  CHECK(message_of([&] {
          spankey::read_cifar_file(file, spankey::cifar10_form, 2, labels.data(), pixels.data());
        }) == "[spankey.data.112] " + file.string() +
                  ": offset 3073: expected 3073 bytes of record 1, could read 100");
}

TEST_CASE("a label over 9 is named with its offset") {
  const temporary_directory directory;
  const fs::path file = directory.path() / "a.bin";
  std::string bytes = records(0, 3);
  bytes[2 * 3073] = 10;
  write(file, bytes);
  CHECK(load_files_message({file}) ==
        "[spankey.data.115] " + file.string() + ": offset 6146: expected a label of 0 to 9, found 10");
}
