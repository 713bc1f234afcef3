#include "spankey/data/idx.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "idx_files.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::idx_expectation;
using spankey::image_dataset;
using spankey::index_t;
using spankey::split;
using spankey_test::big_endian;
using spankey_test::idx_images;
using spankey_test::idx_labels;
using spankey_test::message_of;
using spankey_test::put;
using spankey_test::scratch_directory;

const idx_expectation images_expected{{28, 28}, 60000};
const idx_expectation labels_expected{{}, 60000};

// The message with which reading `bytes` ends, without the file's name.
std::string reading(const std::string& bytes, const idx_expectation& expected) {
  const scratch_directory directory;
  const fs::path file = directory / "f";
  put(file, bytes);
  std::string message = message_of([&] { spankey::read_idx(file, expected); });
  const std::size_t name = message.find(file.string() + ": ");
  if (name != std::string::npos) message.erase(name, file.string().size() + 2);
  return message;
}

// A source that goes on for ever behind its header and counts what is asked for.
class endless final : public spankey::byte_source {
 public:
  explicit endless(const std::string& header) : header_(header) {}
  [[nodiscard]] std::string where() const override { return "endless"; }
  [[nodiscard]] length_bounds length() const override { return {0, index_t{1} << 60}; }
  index_t read(std::uint8_t* out, index_t count) override {
    for (index_t i = 0; i < count; ++i, ++asked)
      out[i] = static_cast<std::size_t>(asked) < header_.size()
                   ? static_cast<std::uint8_t>(header_[static_cast<std::size_t>(asked)])
                   : std::uint8_t{0};
    return count;
  }
  index_t asked = 0;

 private:
  std::string header_;
};

}  // namespace

TEST_CASE("images and labels become a data set, in file order") {
  const scratch_directory directory;
  put(directory / "i", idx_images(12));
  put(directory / "l", idx_labels(12, 5));
  const image_dataset data = spankey::load_idx_images(directory / "i", directory / "l");
  REQUIRE(data.size() == 12);
  CHECK(data.sample == spankey::extents{1, 28, 28});
  CHECK(data.classes == 10);
  REQUIRE(data.pixels.size() == 12 * 784);
  index_t wrong = 0;
  for (index_t i = 0; i < 12; ++i) {
    CHECK(data.label(i) == (5 + i) % 10);
    for (index_t j = 0; j < 784; ++j)
      if (data.image(i)[j] != spankey_test::idx_pixel(784 * i + j)) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("the official names of the two parts, and each data set's constants") {
  const scratch_directory directory;
  put(directory / "train-images-idx3-ubyte", idx_images(3));
  put(directory / "train-labels-idx1-ubyte", idx_labels(3, 1));
  put(directory / "t10k-images-idx3-ubyte", idx_images(2));
  put(directory / "t10k-labels-idx1-ubyte", idx_labels(2, 7));
  const image_dataset train = spankey::load_mnist(directory.path(), split::train);
  const image_dataset test = spankey::load_mnist(directory.path(), split::test);
  CHECK(train.name == "mnist");
  CHECK(train.size() == 3);
  CHECK(train.label(0) == 1);
  CHECK(test.size() == 2);
  CHECK(test.label(0) == 7);
  CHECK(train.mean == std::vector<float>{0.1307F});
  CHECK(train.deviation == std::vector<float>{0.3081F});
  CHECK_NOTHROW(spankey::require_usable(test, "here"));

  const image_dataset fashion = spankey::load_fashion_mnist(directory.path(), split::test);
  CHECK(fashion.name == "fashion_mnist");
  CHECK(fashion.pixels == test.pixels);
  CHECK(fashion.mean == std::vector<float>{0.2860F});
  CHECK(fashion.deviation == std::vector<float>{0.3530F});
}

TEST_CASE("a file of other extents is read when it is what is expected") {
  const scratch_directory directory;
  put(directory / "f", big_endian({0x804, 2, 1, 3, 2}) + "abcdefghijkl");
  const spankey::idx_items items = spankey::read_idx(directory / "f", {{1, 3, 2}, 2});
  CHECK(items.count == 2);
  CHECK(std::string(items.bytes.begin(), items.bytes.end()) == "abcdefghijkl");
}

TEST_CASE("a missing file is named") {
  const scratch_directory directory;
  put(directory / "train-images-idx3-ubyte", idx_images(1));
  CHECK(message_of([&] { spankey::load_mnist(directory.path(), split::train); }) ==
        "[spankey.data.141] " + (directory / "train-labels-idx1-ubyte") +
            ": offset 0: expected a file, found no such file");
}

TEST_CASE("a header that ends early, at every length") {
  const std::string header = big_endian({0x803, 1, 28, 28});
  for (std::size_t length = 0; length < header.size(); ++length)
    CHECK(reading(header.substr(0, length), images_expected) ==
          "[spankey.data.144] offset " + std::to_string(length) +
              ": expected a header of 16 bytes, found the end");
}

TEST_CASE("a wrong magic number") {
  CHECK(reading(idx_labels(20), images_expected) ==
        "[spankey.data.145] offset 0: expected magic number 0x00000803, found 0x00000801");
  CHECK(reading(idx_images(1), labels_expected) ==
        "[spankey.data.145] offset 0: expected magic number 0x00000801, found 0x00000803");
  const auto ends = [](const std::string& message, const std::string& end) {
    CAPTURE(message);
    CHECK(message.ends_with(end));
  };
  ends(reading("<!DOCTYPE html>", images_expected),
       "found 0x3c21444f: a text, as a server's page or a pointer of git-lfs is, not the data");
  ends(reading("version https://git-lfs", labels_expected), " not the data");
  ends(reading("PK\x03\x04", images_expected), "found 0x504b0304: a zip archive, unpack it");
  ends(reading("\x1f\x8b\x08\x08 packed", images_expected),
       "found 0x1f8b0808: packed by gzip, see data/gzip.hpp");
  CHECK(reading("\x1f\x8b\x08\x08 packed", labels_expected).find("found 0x1f8b0808") != std::string::npos);
}

TEST_CASE("numbers of items and extents that are not expected") {
  const auto count = [](std::uint32_t items) {
    return reading(big_endian({0x803, items, 28, 28}) + "some bytes", images_expected);
  };
  CHECK(count(0) == "[spankey.data.146] offset 4: expected 1 to 60000 items, found 0");
  CHECK(count(60001) == "[spankey.data.146] offset 4: expected 1 to 60000 items, found 60001");
  CHECK(count(0xFFFFFFFF) == "[spankey.data.146] offset 4: expected 1 to 60000 items, found 4294967295");
  CHECK(reading(big_endian({0x803, 1, 32, 28}), images_expected) ==
        "[spankey.data.146] offset 8: expected items of extent 28 in dimension 1, found 32");
  CHECK(reading(big_endian({0x803, 1, 28, 0x80000000}), images_expected) ==
        "[spankey.data.146] offset 12: expected items of extent 28 in dimension 2, found 2147483648");
}

TEST_CASE("a length that is not what the header says") {
  const std::string two = idx_images(2);
  CHECK(reading(two, images_expected) == "no error");
  CHECK(reading(two.substr(0, two.size() - 1), images_expected) ==
        "[spankey.data.144] offset 1583: expected 1584 bytes as the header says, there are at most 1583");
  CHECK(reading(two.substr(0, 16), images_expected) ==
        "[spankey.data.144] offset 16: expected 1584 bytes as the header says, there are at most 16");
  CHECK(reading(two + "x", images_expected) ==
        "[spankey.data.144] offset 1584: expected the end as the header says, found more bytes");
  // The header promises 47 MB that are not there.
  CHECK(reading(big_endian({0x803, 60000, 28, 28}) + "some bytes", images_expected) ==
        "[spankey.data.144] offset 26: expected 47040016 bytes as the header says, there are at most 26");
}

TEST_CASE("a source that does not end is asked for one byte more than its header says") {
  auto source = std::make_unique<endless>(big_endian({0x803, 3, 28, 28}));
  const endless& watched = *source;
  spankey::idx_reader reader(std::move(source), images_expected);
  CHECK(watched.asked == 16);
  std::vector<std::uint8_t> out(static_cast<std::size_t>(reader.bytes()));
  REQUIRE(out.size() == 3 * 784);
  CHECK(message_of([&] { reader.read(out.data()); }) ==
        "[spankey.data.144] endless: offset 2368: expected the end as the header says, found more bytes");
  CHECK(watched.asked == 16 + 3 * 784 + 1);
}

TEST_CASE("a file that shrinks between header and items") {
  const scratch_directory directory;
  const fs::path file = directory / "f";
  put(file, idx_images(30));  // longer than a stream's buffer
  spankey::idx_reader reader(spankey::open_file(file), images_expected);
  fs::resize_file(file, 16000);
  std::vector<std::uint8_t> out(static_cast<std::size_t>(reader.bytes()));
  CHECK(message_of([&] { reader.read(out.data()); }) ==
        "[spankey.data.144] " + file.string() +
            ": offset 16000: expected 7536 more bytes as the header says, found the end");
}

TEST_CASE("numbers of images and labels that differ are found before items are read") {
  const scratch_directory directory;
  put(directory / "i", idx_images(3));
  std::string labels = idx_labels(4);
  labels[8] = 99;
  put(directory / "l", labels);
  CHECK(message_of([&] { spankey::load_idx_images(directory / "i", directory / "l"); }) ==
        "[spankey.data.147] " + (directory / "l") +
            ": offset 4: expected 3 labels, one for each image of i, found 4");
}

TEST_CASE("a label over 9 is named with its offset") {
  const scratch_directory directory;
  put(directory / "i", idx_images(3));
  std::string labels = idx_labels(3);
  labels[10] = 10;
  put(directory / "l", labels);
  CHECK(message_of([&] { spankey::load_idx_images(directory / "i", directory / "l"); }) ==
        "[spankey.data.148] " + (directory / "l") +
            ": offset 10: expected a label of 0 to 9, found 10; the labels are 0 to 10: this data set has 3 "
            "classes, "
            "expected 10");
}

TEST_CASE("letters are 26 classes") {
  const scratch_directory directory;
  put(directory / "emnist-letters-train-images-idx3-ubyte", idx_images(52));
  std::string labels = idx_labels(52);
  for (std::size_t i = 0; i < 52; ++i) labels[8 + i] = static_cast<char>(i % 26 + 1);
  put(directory / "emnist-letters-train-labels-idx1-ubyte", labels);
  CHECK(message_of([&] { spankey::load_mnist(directory.path(), split::train); }) ==
        "[spankey.data.148] " + (directory / "emnist-letters-train-labels-idx1-ubyte") +
            ": offset 17: expected a label of 0 to 9, found 10; the labels are 1 to 26: this data set has 26 "
            "classes, expected 10");
}

TEST_CASE("QMNIST's labels are rows of eight numbers") {
  const scratch_directory directory;
  put(directory / "qmnist-test-images-idx3-ubyte", idx_images(3));
  std::string labels = big_endian({0xC02, 3, 8});
  for (const std::uint32_t label : {7U, 0U, 9U}) labels += big_endian({label, 1, 2, 3, 4, 500, 6, 0});
  const fs::path file = directory / "qmnist-test-labels-idx2-int";
  put(file, labels);
  const image_dataset data = spankey::load_mnist(directory.path(), split::test);
  CHECK(data.labels == std::vector<spankey::class_label>{7, 0, 9});
  const auto with = [&](const std::string& content) {
    put(file, content);
    return message_of([&] { spankey::load_mnist(directory.path(), split::test); });
  };
  std::string large = labels;
  large[12 + 32 + 2] = 1;  // 256
  CHECK(with(large).find(": offset 44: expected a label of 0 to 9, found 256") != std::string::npos);
  CHECK(with(labels.substr(0, labels.size() - 1)).find("[spankey.data.144]") == 0);
  CHECK(with(labels + "x").find("[spankey.data.144]") == 0);
  CHECK(with(big_endian({0xC02, 3, 7})).find("expected items of extent 8 in dimension 1, found 7") !=
        std::string::npos);
  CHECK(with(idx_labels(3)).find("expected magic number 0x00000c02, found 0x00000801") != std::string::npos);
}
