#include "spankey/file/safetensors.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "error_probe.hpp"
#include "scratch_directory.hpp"

namespace {

using spankey_test::id_of;

using namespace std::string_literals;
using spankey::dtype;
using spankey::index_t;
using spankey::safetensors_file;
using spankey_test::put;
using spankey_test::scratch_directory;

// Header length, header, data.
std::string file_of(const std::string& header, const std::string& data = "") {
  std::string length(8, '\0');
  const std::uint64_t bytes = header.size();
  std::memcpy(length.data(), &bytes, 8);
  return length + header + data;
}

safetensors_file parse(const std::string& file) {
  return safetensors_file::from_memory(std::as_bytes(std::span<const char>(file.data(), file.size())),
                                       "test");
}

template <class F>
std::string line_of(const F& f) {
  try {
    f();
  } catch (const spankey::error& e) {
    return e.what();
  }
  return "no error";
}

// A small valid file with two tensors, a scalar, an empty tensor and metadata.
const std::string small = file_of(
    R"({"__metadata__":{"model":"mlp"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
    R"("b":{"dtype":"U8","shape":[],"data_offsets":[8,9]},"e":{"shape":[0,5],"data_offsets":[9,9],"dtype":"I64"}})",
    "\x00\x00\x80\x3f\x00\x00\x00\xc0\x07"s);

// What a file that opened promises: every span in bounds, of the length its type and shape say, disjoint.
void check_consistent(const safetensors_file& file, const std::string& bytes) {
  const auto* const begin = reinterpret_cast<const std::byte*>(bytes.data());
  std::size_t total = 0;
  unsigned sum = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    CHECK(spankey::tensor_bytes(tensor.type, tensor.shape) == static_cast<index_t>(tensor.bytes.size()));
    CHECK(tensor.bytes.data() >= begin);
    CHECK(tensor.bytes.data() + tensor.bytes.size() <= begin + bytes.size());
    for (const std::byte b : tensor.bytes) sum += static_cast<unsigned>(b);
    total += tensor.bytes.size();
  }
  CHECK(total <= bytes.size());
  CHECK(sum <= 255 * total);
}

}  // namespace

TEST_CASE("a valid file: types, shapes, values, metadata") {
  const safetensors_file file = parse(small);
  CHECK(file.tensors().size() == 3);
  CHECK(file.metadata().at("model") == "mlp");
  CHECK(file.read_f32("a", {2}) == std::vector<float>{1.0F, -2.0F});
  CHECK(file.require("b", dtype::u8, {}).bytes[0] == std::byte{7});
  CHECK(file.require("b", dtype::u8, {}).count() == 1);
  CHECK(file.read_i64("e", {0, 5}).empty());
  CHECK(file.find("c") == nullptr);
  for (const char* header : {"{}", "{}   ", R"({"__metadata__" : { } })"}) {
    const std::string bytes = file_of(header);
    const safetensors_file empty = parse(bytes);
    CHECK(empty.tensors().empty());
    CHECK(empty.metadata().empty());
  }
}

TEST_CASE("unaligned elements are copied, not dereferenced") {
  const std::string bytes = file_of(
      R"({"o":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"i":{"dtype":"I64","shape":[1],"data_offsets":[1,9]}})",
      "\x01\x02\x00\x00\x00\x00\x00\x00\x80"s);
  const safetensors_file file = parse(bytes);
  CHECK(file.read_i64("i", {1}) == std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min() + 2});
}

TEST_CASE("require names tensor, reader, expected and found") {
  const safetensors_file file = parse(small);
  CHECK(line_of([&] {
          file.require("w", dtype::f32, {10, 4}, "fc");
        }) ==
        "[spankey.safetensors.121] test: tensor \"w\" (needed by fc): expected F32 (10, 4), found no tensor "
        "of this name");
  CHECK(line_of([&] { file.require("a", dtype::i64, {2}); }) ==
        "[spankey.safetensors.122] test: tensor \"a\": expected I64 (2), found F32 (2)");
  CHECK(line_of([&] { file.require("a", dtype::f32, {3}); }) ==
        "[spankey.safetensors.123] test: tensor \"a\": expected F32 (3), found F32 (2)");
  CHECK(id_of([&] { file.require("a", dtype::f32, {2, 1}); }) == "safetensors.123");
  CHECK(id_of([&] { file.require("a", dtype::f32, {}); }) == "safetensors.123");
  CHECK(id_of([&] { file.require("a", dtype::f32, {spankey::any_extent}); }) == "no error");
  CHECK(id_of([&] { file.require("e", dtype::i64, {spankey::any_extent, 4}); }) == "safetensors.123");
  std::vector<float> three(3);
  CHECK(id_of([&] { spankey::copy_elements(*file.find("a"), std::span<float>(three)); }) ==
        "safetensors.124");
}

TEST_CASE("hostile headers") {
  const std::string f32 = R"("dtype":"F32",)";
  const auto one = [](const std::string& entry) { return "{\"t\":{" + entry + "}}"; };
  struct hostile {
    const char* id;
    std::string header, data;
  };
  const std::string four(4, '\0'), eight(8, '\0');
  const std::vector<hostile> table = {
      // grammar
      {"safetensors.104", "", ""},
      {"safetensors.104", " {}", ""},
      {"safetensors.104", "[]", ""},
      {"safetensors.104", "{", ""},
      {"safetensors.104", "{}{}", ""},
      {"safetensors.104", "{}\0"s, ""},
      {"safetensors.104", "{},", ""},
      {"safetensors.104", R"({"t":[]})", ""},
      {"safetensors.104", R"({"t":null})", ""},
      {"safetensors.104", R"({"t"})", ""},
      {"safetensors.104", R"({t:{}})", ""},
      {"safetensors.104", R"({"__metadata__":null})", ""},
      {"safetensors.104", R"({"__metadata__":{"k":1}})", ""},
      {"safetensors.104", R"({"__metadata__":{"k":{"a":"b"}}})", ""},
      {"safetensors.104", R"({"__metadata__":{"k":"v",}})", ""},
      {"safetensors.104", one(f32 + R"("shape":[1],"data_offsets":[0,4],)"), four},
      {"safetensors.104", one(f32 + R"("shape":[1,],"data_offsets":[0,4])"), four},
      {"safetensors.104", one(f32 + R"("shape":[-1],"data_offsets":[0,4])"), four},
      {"safetensors.104", one(f32 + R"("shape":[1.0],"data_offsets":[0,4])"), four},
      {"safetensors.104", one(f32 + R"("shape":[1e0],"data_offsets":[0,4])"), four},
      {"safetensors.104", one(f32 + R"("shape":[01],"data_offsets":[0,4])"), four},
      {"safetensors.104", one(f32 + R"("shape":[[1]],"data_offsets":[0,4])"), four},
      {"safetensors.104", one(f32 + R"("shape":"1","data_offsets":[0,4])"), four},
      {"safetensors.104", one(f32 + R"("shape":[18446744073709551617],"data_offsets":[0,4])"), four},
      {"safetensors.104", one(f32 + R"("shape":[1],"data_offsets":[-4,0])"), four},
      {"safetensors.104", one(R"("dtype":4,"shape":[1],"data_offsets":[0,4])"), four},
      {"safetensors.104", std::string(100000, '{'), ""},
      {"safetensors.104", "{\"t\":" + std::string(100000, '['), ""},
      {"safetensors.104", "{\"t\":{\"shape\":" + std::string(100000, '['), ""},
      {"safetensors.104", "{\"\xff\":{}}", ""},
      // duplicates, also where only the spelling differs
      {"safetensors.105",
       R"({"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
       ""},
      {"safetensors.105",
       R"({"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0074":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
       ""},
      {"safetensors.105", R"({"__metadata__":{},"__metadata__":{}})", ""},
      {"safetensors.105", R"({"__metadata__":{"k":"1","k":"2"}})", ""},
      // fields
      {"safetensors.106", one(""), ""},
      {"safetensors.106", one(R"("shape":[1],"data_offsets":[0,4])"), four},
      {"safetensors.106", one(f32 + R"("data_offsets":[0,4])"), four},
      {"safetensors.106", one(f32 + R"("shape":[1])"), four},
      {"safetensors.106", one(f32 + f32 + R"("shape":[1],"data_offsets":[0,4])"), four},
      {"safetensors.106", one(f32 + R"("shape":[1],"data_offsets":[0,4],"extra":1)"), four},
      {"safetensors.106", one(f32 + R"("shape":[1],"data_offsets":[0])"), four},
      {"safetensors.106", one(f32 + R"("shape":[1],"data_offsets":[0,4,4])"), four},
      {"safetensors.107", one(R"("dtype":"f32","shape":[1],"data_offsets":[0,4])"), four},
      {"safetensors.107", one(R"("dtype":"F33\n","shape":[1],"data_offsets":[0,4])"), four},
      // shapes
      {"safetensors.108", one(f32 + R"("shape":[4611686018427387904,4],"data_offsets":[0,4])"), four},
      {"safetensors.108", one(f32 + R"("shape":[2305843009213693952],"data_offsets":[0,0])"), ""},
      {"safetensors.108", one(R"("dtype":"F4","shape":[1],"data_offsets":[0,1])"), "x"},
      // offsets
      {"safetensors.109", one(f32 + R"("shape":[1],"data_offsets":[4,0])"), four},
      {"safetensors.109", one(f32 + R"("shape":[1],"data_offsets":[4,8])"), four},
      {"safetensors.109", one(f32 + R"("shape":[2],"data_offsets":[0,8])"), four},
      {"safetensors.109",
       one(f32 + R"("shape":[1],"data_offsets":[9223372036854775803,9223372036854775807])"), four},
      {"safetensors.110", one(f32 + R"("shape":[2],"data_offsets":[0,4])"), four},
      {"safetensors.110", one(f32 + R"("shape":[],"data_offsets":[0,0])"), ""},
      {"safetensors.110", one(f32 + R"("shape":[0],"data_offsets":[0,4])"), four},
      // layout
      {"safetensors.111", one(f32 + R"("shape":[1],"data_offsets":[4,8])"), eight},
      {"safetensors.111",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       four},
      {"safetensors.111",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})",
       four + "x"},
      {"safetensors.111",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
       "xyz"},
      {"safetensors.111",
       R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"e":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}})",
       "xy"},
      {"safetensors.112", one(f32 + R"("shape":[1],"data_offsets":[0,4])"), eight},
      {"safetensors.112", "{}", "x"},
  };
  for (const hostile& h : table) {
    CAPTURE(h.header.substr(0, 200));
    CHECK(id_of([&] { parse(file_of(h.header, h.data)); }) == h.id);
  }
}

TEST_CASE("hostile lengths of the header") {
  std::string file = small;
  for (const std::uint64_t length :
       {std::uint64_t{0xFFFFFFFFFFFFFFFF}, std::uint64_t{0x8000000000000000}, std::uint64_t{1} << 40,
        static_cast<std::uint64_t>(spankey::safetensors_header_cap) + 1}) {
    std::memcpy(file.data(), &length, 8);
    CHECK(id_of([&] { parse(file); }) == "safetensors.102");
  }
  for (const std::uint64_t length : {static_cast<std::uint64_t>(small.size()) - 7,
                                     static_cast<std::uint64_t>(spankey::safetensors_header_cap)}) {
    std::memcpy(file.data(), &length, 8);
    CHECK(id_of([&] { parse(file); }) == "safetensors.103");
  }
}

TEST_CASE("a file cut at any byte, or with anything behind it, is an error") {
  const scratch_directory directory;
  const std::string path = directory / "cut.safetensors";
  for (std::size_t size = 0; size < small.size(); ++size) {
    const std::string cut = small.substr(0, size);
    // A buffer of exactly this size, so that a read past its end is seen by the sanitizers.
    const std::vector<char> exact(cut.begin(), cut.end());
    CHECK(id_of([&] { safetensors_file::from_memory(std::as_bytes(std::span(exact)), "cut"); }) !=
          "no error");
    put(path, cut);
    CHECK(id_of([&] { safetensors_file::open(path); }).starts_with("safetensors."));
  }
  CHECK(id_of([&] { parse(small + "x"); }) == "safetensors.112");
  put(path, small + "x");
  CHECK(id_of([&] { safetensors_file::open(path); }) == "safetensors.112");
}

TEST_CASE("every flipped bit gives an error or a consistent file") {
  int errors = 0, opened = 0;
  for (std::size_t bit = 0; bit < small.size() * 8; ++bit) {
    std::string file = small;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << (bit % 8)));
    const std::string id = id_of([&] {
      check_consistent(parse(file), file);
      ++opened;
    });
    errors += id != "no error" ? 1 : 0;
  }
  CHECK(errors > opened);
  CHECK(opened >= 9 * 8);  // the data itself may hold anything
}

TEST_CASE("every replaced, dropped or doubled byte gives an error or a consistent file") {
  for (std::size_t at = 0; at < small.size(); ++at) {
    for (const char c : "\"\\{}[],:0919eE.-u \n\xff\x80"s) {
      std::string file = small;
      file[at] = c;
      id_of([&] { check_consistent(parse(file), file); });
    }
    std::string dropped = small, doubled = small;
    dropped.erase(at, 1);
    doubled.insert(at, 1, small[at]);
    id_of([&] { check_consistent(parse(dropped), dropped); });
    id_of([&] { check_consistent(parse(doubled), doubled); });
  }
}

TEST_CASE("open reads what from_memory reads, and outlives the file on disk") {
  const scratch_directory directory;
  put(directory / "w.safetensors", small);
  safetensors_file file = safetensors_file::open(directory / "w.safetensors");
  std::filesystem::remove(directory / "w.safetensors");
  const safetensors_file moved = std::move(file);
  CHECK(moved.read_f32("a", {2}) == std::vector<float>{1.0F, -2.0F});
  CHECK(moved.name() == directory / "w.safetensors");
}

TEST_CASE("paths that are no readable file: one line, no waiting") {
  const scratch_directory directory;
  put(directory / "empty", "");
  put(directory / "small", small);
  REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
  CHECK(id_of([&] { safetensors_file::open(directory / "missing"); }) == "io.101");
  CHECK(id_of([&] { safetensors_file::open(directory / "empty/below"); }) == "io.101");
  CHECK(id_of([&] { safetensors_file::open(directory / "line\nbreak"); }) == "io.101");
  CHECK(id_of([&] { safetensors_file::open(""); }) == "io.101");
  CHECK(id_of([&] { safetensors_file::open(directory.path()); }) == "io.102");
  CHECK(id_of([&] { safetensors_file::open(directory / "fifo"); }) == "io.102");
  CHECK(id_of([&] { safetensors_file::open("/dev/null"); }) == "io.102");
  CHECK(id_of([&] { safetensors_file::open(directory / "empty"); }) == "safetensors.101");
  CHECK(id_of([&] { safetensors_file::open(directory / "small", 20); }) == "io.105");
}

TEST_CASE("a huge sparse file is refused before memory is reserved for it") {
  const scratch_directory directory;
  put(directory / "huge", small);
  REQUIRE(::truncate((directory / "huge").c_str(), off_t{1} << 38) == 0);
  CHECK(id_of([&] { safetensors_file::open(directory / "huge"); }) == "io.105");
  REQUIRE(::truncate((directory / "huge").c_str(), off_t{1} << 31) == 0);
  CHECK(id_of([&] { safetensors_file::open(directory / "huge"); }) == "safetensors.112");
}
