#include "spankey/data/gzip.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "idx_files.hpp"
#include "spankey/data/idx.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::gzip_bytes;
using spankey::image_dataset;
using spankey::index_t;
using spankey::open_file_or_gzip;
using spankey::split;
using spankey_test::big_endian;
using spankey_test::idx_images;
using spankey_test::idx_labels;
using spankey_test::message_of;
using spankey_test::put;
using spankey_test::scratch_directory;

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string in = bytes, out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// The message with which unpacking `packed` ends, or what it unpacks to, read in pieces of `piece`.
std::string unpacked(const std::string& packed, index_t piece = 1000) {
  const scratch_directory directory;
  const fs::path file = directory / "f.gz";
  put(file, packed);
  std::string all;
  std::string message = message_of([&] {
    gzip_bytes source(file);
    std::vector<std::uint8_t> part(static_cast<std::size_t>(piece));
    for (index_t got = piece; got == piece;) {
      got = source.read(part.data(), piece);
      all.append(part.begin(), part.begin() + got);
    }
  });
  if (message == "no error") return all;
  const std::size_t name = message.find(file.string() + ": ");
  return name == std::string::npos ? message : message.erase(name, file.string().size() + 2);
}

// The message with which reading an image file of this packed content ends, without its name.
std::string reading(const std::string& packed) {
  const scratch_directory directory;
  put(directory / "f.gz", packed);
  std::string message = message_of([&] {
    spankey::read_idx(directory / "f", {{28, 28}, 60000}, open_file_or_gzip);
  });
  const std::string name = directory / "f.gz";
  const std::size_t at = message.find(name);
  return at == std::string::npos ? message : message.erase(at, name.size());
}

// Bytes that do not pack well, longer packed than the reader's buffer.
std::string noise(std::size_t count) {
  std::string bytes;
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    bytes.push_back(static_cast<char>(state >> 24));
  }
  return bytes;
}

}  // namespace

TEST_CASE("gzip: what was packed comes out, in pieces of any size") {
  const std::string bytes = noise(200000), packed = gzip(bytes);
  REQUIRE(packed.size() > 150000);
  for (const index_t piece : {7, 4096, 200000, 300000}) CHECK((unpacked(packed, piece) == bytes));
  CHECK(unpacked(gzip("")).empty());
}

TEST_CASE("gzip: a file that ends early, at every length") {
  const std::string packed = gzip("spankey spankey key");
  REQUIRE(unpacked(packed) == "spankey spankey key");
  for (std::size_t length = 0; length < packed.size(); ++length)
    CHECK(unpacked(packed.substr(0, length)) == "[spankey.data.152] offset " + std::to_string(length) +
                                                    ": expected more gzip data, found the end of the file");
}

TEST_CASE("gzip: a damaged file") {
  const std::string sound = gzip(noise(1000));
  const auto damaged = [&](std::size_t at) {
    std::string packed = sound;
    packed[at] = static_cast<char>(packed[at] ^ 1);
    return unpacked(packed);
  };
  CHECK(damaged(0) == "[spankey.data.151] offset 2: expected gzip data, found incorrect header check");
  CHECK(damaged(500).find("[spankey.data.151] offset ") == 0);
  const std::string end = std::to_string(sound.size());
  CHECK(damaged(sound.size() - 8).find("[spankey.data.151] offset ") == 0);
  CHECK(damaged(sound.size() - 8).find("expected gzip data, found incorrect data check") !=
        std::string::npos);
  CHECK(damaged(sound.size() - 1) ==
        "[spankey.data.151] offset " + end + ": expected gzip data, found incorrect length check");
  CHECK(unpacked(idx_labels(30)).find("[spankey.data.151] offset 2: expected gzip data") == 0);
}

TEST_CASE("gzip: members follow one another, zeros may follow them, and nothing else") {
  const std::string packed = gzip("spankey"), end = std::to_string(packed.size());
  const std::string message = "[spankey.data.153] offset " + end +
                              ": expected the end of the file behind the gzip data, found more bytes";
  for (const index_t piece : {1, 7, 13, 1000}) {
    CHECK(unpacked(packed + packed, piece) == "spankeyspankey");
    CHECK(unpacked(packed + gzip("") + packed + gzip("") + gzip(" key"), piece) == "spankeyspankey key");
    CHECK(unpacked(packed + std::string(70000, '\0'), piece) == "spankey");
  }
  CHECK(unpacked(packed + "x") == message);
  CHECK(unpacked(packed + std::string(70000, '\0') + "x") == message);
  CHECK(unpacked(packed + '\0' + packed) == message);
  CHECK(unpacked(packed + "\x1f\x8c").find("[spankey.data.151] offset ") == 0);
  CHECK(unpacked(packed + packed.substr(0, 1)).find("[spankey.data.152] offset ") == 0);
  CHECK(unpacked(packed + packed.substr(0, packed.size() - 1)).find("[spankey.data.152] offset ") == 0);
  // Exactly where the reader's buffer ends.
  std::string header = packed.substr(0, 10);
  header[3] = 8;  // a file name follows, of the length that fills the buffer
  const std::string filled =
      header + std::string((1U << 16) - packed.size() - 1, 'n') + '\0' + packed.substr(10);
  REQUIRE(filled.size() == 1U << 16);
  CHECK(unpacked(filled) == "spankey");
  CHECK(unpacked(filled + "x").find("[spankey.data.153] offset 65536: ") == 0);
  CHECK(unpacked(filled + filled + packed) == "spankeyspankeyspankey");
  const std::string halves = noise(200000);
  CHECK((unpacked(gzip(halves.substr(0, 70001)) + gzip(halves.substr(70001)), 4096) == halves));
}

TEST_CASE("gzip: the bound of the unpacked length holds for what packs best") {
  const scratch_directory directory;
  const std::string zeros(3000000, '\0');
  const std::string packed = gzip(zeros);
  put(directory / "z.gz", packed);
  const auto length = gzip_bytes(directory / "z.gz").length();
  CHECK(length.least <= 3000000);
  CHECK(length.most >= 3000000);
  CHECK(length.most == 1032 * static_cast<index_t>(packed.size()));
}

TEST_CASE("gzip: MNIST's files, each plain or packed, and plain wins") {
  const scratch_directory directory;
  const auto load = [&](split part) {
    return spankey::load_mnist(directory.path(), part, open_file_or_gzip);
  };
  put(directory / "train-labels-idx1-ubyte.gz", "x");
  CHECK(message_of([&] { load(split::train); }) ==
        "[spankey.data.141] " + (directory / "train-images-idx3-ubyte") +
            ": offset 0: expected a file, found neither it nor train-images-idx3-ubyte.gz");
  put(directory / "train-images-idx3-ubyte.gz", gzip(idx_images(5)));
  put(directory / "train-labels-idx1-ubyte.gz", gzip(idx_labels(5, 3)));
  const image_dataset packed = load(split::train);
  CHECK(packed.size() == 5);
  CHECK(packed.label(0) == 3);
  REQUIRE(packed.pixels.size() == 5 * 784);
  CHECK(packed.pixels[784 * 5 - 1] == spankey_test::idx_pixel(784 * 5 - 1));

  put(directory / "train-labels-idx1-ubyte", idx_labels(5, 8));
  CHECK(load(split::train).label(0) == 8);
  CHECK(load(split::train).pixels == packed.pixels);
  CHECK(message_of([&] {
          spankey::load_mnist(directory.path(), split::train);
        }).find("found only train-images-idx3-ubyte.gz: unpack it") != std::string::npos);
}

TEST_CASE("gzip: headers and lengths are checked in what is unpacked") {
  CHECK(reading(gzip(idx_images(2))) == "no error");
  CHECK(reading(gzip(idx_labels(2))) ==
        "[spankey.data.145]  (unpacked): offset 0: expected magic number 0x00000803, found 0x00000801");
  CHECK(reading(gzip(big_endian({0x803, 0xFFFFFFFF, 28, 28}))) ==
        "[spankey.data.146]  (unpacked): offset 4: expected 1 to 60000 items, found 4294967295");
  const std::string two = idx_images(2);
  CHECK(reading(gzip(two.substr(0, 1000))) ==
        "[spankey.data.144]  (unpacked): offset 1000: expected 584 more bytes as the header says, found the "
        "end");
  CHECK(reading(gzip(two.substr(0, 9))) ==
        "[spankey.data.144]  (unpacked): offset 9: expected a header of 16 bytes, found the end");
  CHECK(reading(gzip(two + "x")) ==
        "[spankey.data.144]  (unpacked): offset 1584: expected the end as the header says, found more bytes");
  // A header that promises more than so short a file can unpack to.
  CHECK(reading(gzip(big_endian({0x803, 60000, 28, 28})))
            .find("expected 47040016 bytes as the header says, there are at most ") != std::string::npos);
  CHECK(reading(gzip(two) + "x").find("[spankey.data.153] : offset ") == 0);
  CHECK(reading(gzip(two).substr(0, 60)).find("[spankey.data.152] : offset 60: ") == 0);
}

TEST_CASE("gzip: a file that unpacks to far more than its header says is left packed") {
  const scratch_directory directory;
  // 64 MiB of zeros behind a header of 2 images; the end of the packed file is damaged, and never reached.
  std::string packed = gzip(big_endian({0x803, 2, 28, 28}) + std::string(std::size_t{1} << 26, '\0'));
  packed.resize(packed.size() - 100);
  CHECK(reading(packed) ==
        "[spankey.data.144]  (unpacked): offset 1584: expected the end as the header says, found more bytes");
}

TEST_CASE("gzip: what a file is shows in its first bytes, not in its name") {
  const scratch_directory directory;
  put(directory / "train-images-idx3-ubyte.gz", idx_images(5));  // unpacked on its way
  put(directory / "train-labels-idx1-ubyte", gzip(idx_labels(5, 3)));
  const image_dataset data = spankey::load_mnist(directory.path(), split::train, open_file_or_gzip);
  CHECK(data.size() == 5);
  CHECK(data.label(0) == 3);
  put(directory / "train-labels-idx1-ubyte", "");
  CHECK(message_of([&] {
          spankey::load_mnist(directory.path(), split::train, open_file_or_gzip);
        }).find("expected a header of 8 bytes, found the end") != std::string::npos);
}
