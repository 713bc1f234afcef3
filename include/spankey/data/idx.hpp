// MNIST, Fashion-MNIST and other sets of their form from IDX files: images of 1x28x28, any number of them. More sets:
// data/mnist_family.hpp.
//
// An IDX file of unsigned bytes, all numbers big-endian and of 32 bits:
//   magic 0x00000800 + D (D dimensions), number of items, D - 1 extents of an item, then the items' bytes
// Images: 0x00000803, count, 28, 28. Labels: 0x00000801, count; QMNIST's: 0x00000C02, count, 8, and the items are 32-bit
// numbers, of which the first is the label. The header is checked against what the reader
// expects, and the length against the header, before memory is reserved; .gz files: data/gzip.hpp.
// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"; H. Xiao et al., 2017.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/escape.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/idx_folder.hpp"
#include "spankey/data/pixel_constants.hpp"

namespace spankey {

inline constexpr index_t mnist_classes = 10;
inline constexpr extents mnist_sample{1, 28, 28};
/// Of a file: MNIST has 60,000, EMNIST up to 697,932, Infinite MNIST 8,100,000.
inline constexpr index_t mnist_most_images = 10000000;

/// What an item's elements are: the third byte of the magic number.
enum class idx_element : index_t { byte = 0x08, word = 0x0C };

/// What a file has to be.
struct idx_expectation {
  std::vector<index_t> item;  // extents of one item: {28, 28} for images, none for labels
  index_t most_items;         // no file of this kind has more, whatever its header says
  idx_element element = idx_element::byte;
};

/// One IDX file: its header when it is made, its items when they are asked for.
class idx_reader {
 public:
  /// Reads and checks the header. Errors: data.144 the file is shorter or longer than its header says, data.145
  /// magic number, data.146 number or extents of the items; those of the source.
  idx_reader(std::unique_ptr<byte_source> source, const idx_expectation& expected)
      : source_(std::move(source)),
        header_bytes_(4 * (2 + static_cast<index_t>(expected.item.size()))),
        item_bytes_(expected.element == idx_element::byte ? 1 : 4) {
    const index_t magic =
        (static_cast<index_t>(expected.element) << 8) + 1 + static_cast<index_t>(expected.item.size());
    const index_t found = next_word(0);
    if (found != magic) {
      fail("data.145", source_->where(), "offset 0: expected magic number ", hexadecimal(magic), ", found ",
           hexadecimal(found), kind_of(found));
    }
    count_ = next_word(4);
    if (count_ < 1 || count_ > expected.most_items) {
      fail("data.146", source_->where(), "offset 4: expected 1 to ", expected.most_items, " items, found ",
           count_);
    }
    index_t offset = 8;
    for (const index_t extent : expected.item) {
      const index_t given = next_word(offset);
      if (given != extent) {
        fail("data.146", source_->where(), "offset ", offset, ": expected items of extent ", extent,
             " in dimension ", offset / 4 - 1, ", found ", given);
      }
      if (extent > 0 &&
          item_bytes_ > std::numeric_limits<index_t>::max() / 2 / extent / expected.most_items) {
        fail("data.146", source_->where(), "offset ", offset, ": expected items whose bytes can be counted");
      }
      item_bytes_ *= extent;
      offset += 4;
    }
    const index_t total = header_bytes_ + bytes();
    const byte_source::length_bounds length = source_->length();
    if (length.most < total) {
      fail("data.144", source_->where(), "offset ", length.most, ": expected ", total,
           " bytes as the header says, there are at most ", length.most);
    }
    if (length.least > total) too_long();
  }

  [[nodiscard]] index_t count() const { return count_; }
  /// Of all items.
  [[nodiscard]] index_t bytes() const { return count_ * item_bytes_; }
  /// Offset of the first item.
  [[nodiscard]] index_t header_bytes() const { return header_bytes_; }
  [[nodiscard]] std::string where() const { return source_->where(); }

  /// Overwrites out with the bytes() of all items; only once. Errors: data.144 there are fewer or more; those of the
  /// source.
  void read(std::uint8_t* out) {
    const index_t got = source_->read(out, bytes());
    if (got < bytes()) {
      fail("data.144", source_->where(), "offset ", header_bytes_ + got, ": expected ", bytes() - got,
           " more bytes as the header says, found the end");
    }
    std::uint8_t behind = 0;
    if (source_->read(&behind, 1) != 0) too_long();
  }

 private:
  index_t next_word(index_t offset) {
    std::array<std::uint8_t, 4> b{};
    const index_t got = source_->read(b.data(), 4);
    if (got < 4) {
      fail("data.144", source_->where(), "offset ", offset + got, ": expected a header of ", header_bytes_,
           " bytes, found the end");
    }
    return index_t{b[0]} << 24 | index_t{b[1]} << 16 | index_t{b[2]} << 8 | index_t{b[3]};
  }
  static std::string hexadecimal(index_t word) {
    return "0x" + hex_digits(static_cast<std::uint64_t>(word), 8);
  }
  // What a file is that begins with these four bytes, as far as they show it.
  static const char* kind_of(index_t word) {
    if (word >> 16 == 0x1F8B) return ": packed by gzip, see data/gzip.hpp";
    if (word == 0x504B0304) return ": a zip archive, unpack it";
    for (int shift = 24; shift >= 0; shift -= 8)
      if ((word >> shift & 255) < 0x20 || (word >> shift & 255) > 0x7E) return "";
    return ": a text, as a server's page or a pointer of git-lfs is, not the data";
  }
  [[noreturn]] void too_long() const {
    fail("data.144", source_->where(), "offset ", header_bytes_ + bytes(),
         ": expected the end as the header says, found more bytes");
  }

  std::unique_ptr<byte_source> source_;
  index_t header_bytes_, item_bytes_, count_ = 0;
};

/// The items of an IDX file.
struct idx_items {
  index_t count = 0;
  std::vector<std::uint8_t> bytes;
};

/// Reads a file that is what `expected` says. Errors: those of the opener and of idx_reader.
inline idx_items read_idx(const std::filesystem::path& file, const idx_expectation& expected,
                          byte_opener open = open_file) {
  idx_reader reader(open(file), expected);
  idx_items items{reader.count(), std::vector<std::uint8_t>(static_cast<std::size_t>(reader.bytes()))};
  reader.read(items.bytes.data());
  return items;
}

/// What the files of a set of the MNIST family hold.
struct idx_form {
  index_t classes = mnist_classes;
  index_t first_label = 0;  // the label of class 0 in the file
  bool transposed = false;  // images lie column by column, as EMNIST's
};

/// The labels of a file as it has them: bytes, or QMNIST's rows of eight numbers of 32 bits, where the first is the label.
inline std::vector<std::uint32_t> read_idx_labels(idx_reader& reader, bool rows) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(reader.bytes()));
  reader.read(bytes.data());
  if (!rows) return {bytes.begin(), bytes.end()};
  constexpr std::size_t row = 32;  // bytes
  std::vector<std::uint32_t> labels(bytes.size() / row);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::uint8_t* const b = bytes.data() + i * row;
    labels[i] = std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
  }
  return labels;
}

/// Classes from labels. Fails with data.148 where one is none of the form's, and says which labels the file has.
inline std::vector<class_label> idx_classes(const std::vector<std::uint32_t>& labels, const idx_form& form,
                                            const idx_reader& reader, index_t label_bytes) {
  const index_t least = form.first_label, most = least + form.classes - 1;
  const auto bad = std::find_if(labels.begin(), labels.end(),
                                [&](index_t label) { return label < least || label > most; });
  if (bad != labels.end()) {
    const std::set<std::uint32_t> found(labels.begin(), labels.end());
    fail("data.148", reader.where(), "offset ", reader.header_bytes() + label_bytes * (bad - labels.begin()),
         ": expected a label of ", least, " to ", most, ", found ", *bad, "; the labels are ", *found.begin(),
         " to ", *found.rbegin(), ": this data set has ", found.size(), " classes, expected ", form.classes);
  }
  std::vector<class_label> classes(labels.size());
  std::transform(labels.begin(), labels.end(), classes.begin(),
                 [&](std::uint32_t label) { return static_cast<class_label>(label - least); });
  return classes;
}

/// Images and labels of the MNIST family, as grey bytes and classes from 0 on, the right way up. Both headers are checked
/// before either file's items are read. Errors: those of read_idx, data.147 numbers of images and labels differ, data.148
/// a label that the form does not have.
inline image_dataset load_idx_images(const std::filesystem::path& images, const std::filesystem::path& labels,
                                     byte_opener open = open_file, const idx_form& form = {}) {
  const bool rows = labels.filename().string().ends_with("idx2-int");
  idx_reader image_reader(open(images), {{mnist_sample.height, mnist_sample.width}, mnist_most_images});
  idx_reader label_reader(open(labels), rows ? idx_expectation{{8}, mnist_most_images, idx_element::word}
                                             : idx_expectation{{}, mnist_most_images});
  if (image_reader.count() != label_reader.count()) {
    fail("data.147", label_reader.where(), "offset 4: expected ", image_reader.count(),
         " labels, one for each image of ", images.filename().string(), ", found ", label_reader.count());
  }
  image_dataset data;
  data.sample = mnist_sample;
  data.classes = form.classes;
  data.labels = idx_classes(read_idx_labels(label_reader, rows), form, label_reader, rows ? 32 : 1);
  data.pixels.resize(static_cast<std::size_t>(image_reader.bytes()));
  image_reader.read(data.pixels.data());
  if (form.transposed) {
    for (index_t n = 0; n < data.size(); ++n) {
      std::uint8_t* const image = data.pixels.data() + n * mnist_sample.size();
      for (index_t row = 0; row < mnist_sample.height; ++row)
        for (index_t column = 0; column < row; ++column)
          std::swap(image[row * mnist_sample.width + column], image[column * mnist_sample.width + row]);
    }
  }
  return data;
}

/// A part of a data set of the MNIST family, below `root` (data/idx_folder.hpp).
inline image_dataset load_idx_directory(const std::filesystem::path& root, const idx_places& places,
                                        split part, byte_opener open = open_file, idx_form form = {}) {
  const idx_pair files = find_idx_files(root, places, part);
  form.transposed = files.is_emnist;
  return load_idx_images(files.images, files.labels, open, form);
}

/// MNIST, or a set of its form and ten classes (EMNIST's digits, KMNIST, QMNIST): from the folder of the four files, or one
/// that holds it as mnist/ or as torchvision leaves it; with open_file_or_gzip each may also be its .gz. Errors data.141 to
/// data.148 (and data.151 to data.153) name file and offset.
inline image_dataset load_mnist(const std::filesystem::path& root, split part, byte_opener open = open_file) {
  image_dataset data = load_idx_directory(
      root, {{"mnist", "mnist/raw", "MNIST/raw", "MNIST", "raw"}, mnist_prefixes()}, part, open);
  data.name = "mnist";
  mnist_pixels().give_to(data);
  return data;
}

/// Fashion-MNIST, whose files have MNIST's names and form. Errors: those of load_mnist.
inline image_dataset load_fashion_mnist(const std::filesystem::path& root, split part,
                                        byte_opener open = open_file) {
  image_dataset data = load_idx_directory(
      root,
      {{"fashion-mnist", "fashion-mnist/data/fashion", "fashion-mnist/raw", "fashion_mnist", "fashion",
        "FashionMNIST/raw", "FashionMNIST", "data/fashion", "raw"},
       {""}},
      part, open);
  data.name = "fashion_mnist";
  fashion_mnist_pixels().give_to(data);
  return data;
}

}  // namespace spankey
