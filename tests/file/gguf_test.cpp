// GGUF: what a small sound file says; numbers of every type by hand; a hostile file for every sentence; every cut of a sound file is
// refused; the keys of a file as a file.
#include "spankey/file/gguf.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "file/gguf_bytes.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/gguf_numbers.hpp"

using namespace spankey;
using test::gguf_bytes;

namespace {

gguf_file opened(const std::vector<std::byte>& bytes) { return gguf_file::from_memory(bytes, "test"); }
std::string refusal(const std::vector<std::byte>& bytes) {
  try {
    (void)opened(bytes);
  } catch (const error& problem) {
    return problem.what();
  }
  return "opened";
}
gguf_bytes sound() {
  gguf_bytes file;
  file.text("general.architecture", "llama").u32("llama.block_count", 2).f32("rope", 0.5F);
  file.texts("tokenizer.ggml.tokens", {"a", "", "bc"}).i32s("tokenizer.ggml.token_type", {1, -2, 3});
  file.boolean("tokenizer.ggml.add_bos_token", 1);
  file.tensor("w", {3, 2}, 0, test::bytes_of<float>({1, 2, 3, 4, 5, 6}));
  file.tensor("v", {2}, 0, test::bytes_of<float>({7, 8}));
  return file;
}

}  // namespace

TEST_CASE("gguf: keys, texts, arrays and tensors of a sound file") {
  const std::vector<std::byte> bytes = sound().bytes();
  const gguf_file file = opened(bytes);
  CHECK(file.text("general.architecture") == "llama");
  CHECK(file.whole("llama.block_count") == 2);
  CHECK(file.real("rope") == 0.5);
  CHECK(file.truth("tokenizer.ggml.add_bos_token"));
  CHECK(file.texts("tokenizer.ggml.tokens") == std::vector<std::string_view>{"a", "", "bc"});
  CHECK(file.numbers("tokenizer.ggml.token_type") == std::vector<std::int32_t>{1, -2, 3});
  CHECK(!file.has("llama"));
  const gguf_tensor& w = file.require("w", {2, 3});  // the innermost dimension is the last
  CHECK(to_float32(w) == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(to_float32(file.require("v", {2})) == std::vector<float>{7, 8});
  CHECK_THROWS_WITH((void)file.require("w", {3, 2}),
                    "[spankey.gguf.112] test: tensor \"w\": expected (3,2), found (2,3)");
  CHECK_THROWS_WITH((void)file.require("x", {1}), doctest::Contains("found none of this name"));
  CHECK_THROWS_WITH((void)file.whole("general.architecture"), doctest::Contains("gguf.111"));
  CHECK_THROWS_WITH((void)file.text("nothing"), doctest::Contains("found none"));
  CHECK_THROWS_WITH((void)file.texts("tokenizer.ggml.token_type"), doctest::Contains("gguf.111"));
}

TEST_CASE("gguf: blocks of whole numbers, by hand") {
  // float16: 0x3800 is 0.5, 0xC000 is -2, 0x3C00 is 1.
  std::vector<std::byte> q8{std::byte{0}, std::byte{0x38}};
  for (int i = 0; i < 32; ++i) q8.push_back(static_cast<std::byte>(i - 16));
  std::vector<std::byte> q4_0{std::byte{0}, std::byte{0x38}},
      q4_1{std::byte{0}, std::byte{0x38}, std::byte{0}, std::byte{0xC0}};
  for (int i = 0; i < 16; ++i) {
    q4_0.push_back(static_cast<std::byte>(i | (15 - i) << 4));
    q4_1.push_back(static_cast<std::byte>(i | (15 - i) << 4));
  }
  gguf_bytes file;
  file.tensor("q8", {32}, 8, q8).tensor("q4_0", {32}, 2, q4_0).tensor("q4_1", {32}, 3, q4_1);
  file.tensor("half", {2}, 1, test::bytes_of<std::uint16_t>({0x3800, 0xC000}));
  file.tensor("brain", {2}, 30, test::bytes_of<std::uint16_t>({0x3F80, 0xC000}));
  const std::vector<std::byte> bytes = file.bytes();
  const gguf_file read = opened(bytes);
  const auto values = [&](const char* name) { return to_float32(read.tensors().at(name)); };
  for (std::size_t i = 0; i < 32; ++i) {
    const auto j = static_cast<float>(i), q = i < 16 ? j : 15 - (j - 16);
    CHECK(values("q8")[i] == 0.5F * (j - 16));
    CHECK(values("q4_0")[i] == 0.5F * (q - 8));
    CHECK(values("q4_1")[i] == 0.5F * q - 2);
  }
  CHECK(values("half") == std::vector<float>{0.5F, -2});
  CHECK(values("brain") == std::vector<float>{1, -2});
}

TEST_CASE("gguf: every cut of a sound file is refused") {
  const std::vector<std::byte> whole = sound().bytes();
  REQUIRE(refusal(whole) == "opened");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(refusal({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}) != "opened");
  }
}

TEST_CASE("gguf: a hostile file for every sentence") {
  const auto refused = [](const gguf_bytes& file, std::string_view id) {
    const std::string found = refusal(file.bytes());
    CAPTURE(found);
    CHECK(found.find(std::string("[spankey.") + std::string(id) + "] test: ") == 0);
    CHECK(found.find('\n') == std::string::npos);
  };
  constexpr std::uint64_t huge = ~std::uint64_t{0};
  const auto one = test::bytes_of<float>({1});
  refused(gguf_bytes().magic("GGML"), "gguf.101");
  refused(gguf_bytes().version(2), "gguf.102");
  refused(gguf_bytes().claim(huge, 0), "gguf.104");
  refused(gguf_bytes().claim(0, huge), "gguf.104");
  refused(gguf_bytes().claim(0, 1), "gguf.104");
  refused(gguf_bytes().raw(test::bytes_of<std::uint64_t>({huge, huge, huge})).claim(0, 1), "gguf.103");
  refused(gguf_bytes().u32("a", 1).u32("a", 1), "gguf.105");
  refused(gguf_bytes().u32("", 1), "gguf.105");
  refused(gguf_bytes().u32("\xff", 1), "gguf.105");
  refused(gguf_bytes().u32(std::string(2000, 'a'), 1), "gguf.105");
  refused(gguf_bytes().key("a", 13, one), "gguf.106");
  refused(gguf_bytes().boolean("a", 2), "gguf.106");
  refused(gguf_bytes().array("a", 9, 1, one), "gguf.106");              // of arrays
  refused(gguf_bytes().array("a", 13, 1, one), "gguf.106");             // of no type
  refused(gguf_bytes().array("a", 12, huge / 8 + 1, one), "gguf.103");  // whose bytes overflow
  refused(gguf_bytes().array("a", 8, huge, one), "gguf.103");
  refused(gguf_bytes().array("a", 4, 3, one), "gguf.103");
  for (const std::uint32_t alignment : {0U, 1U, 4U, 24U, 131072U})
    refused(gguf_bytes().u32("general.alignment", alignment), "gguf.107");
  refused(gguf_bytes().text("general.alignment", "32"), "gguf.111");
  refused(gguf_bytes().tensor("w", {}, 0, one), "gguf.108");
  refused(gguf_bytes().tensor("w", {1, 1, 1, 1, 1}, 0, one), "gguf.108");
  refused(gguf_bytes().tensor("w", {0}, 0, one), "gguf.108");
  refused(gguf_bytes().tensor("w", {huge}, 0, one), "gguf.108");
  refused(gguf_bytes().tensor("w", {1ULL << 32, 1ULL << 32}, 0, one), "gguf.108");  // 2^64
  refused(gguf_bytes().tensor("w", {16}, 8, one), "gguf.108");
  refused(gguf_bytes().tensor("w", {1}, 7, one), "gguf.109");
  refused(gguf_bytes().tensor("w", {1}, huge & 0xFFFFFFFF, one), "gguf.109");
  refused(gguf_bytes().tensor_at("w", {1}, 0, 4, one), "gguf.110");
  refused(gguf_bytes().tensor_at("w", {1}, 0, 64, one), "gguf.110");
  refused(gguf_bytes().tensor_at("w", {1}, 0, huge - 31, one), "gguf.110");
  refused(gguf_bytes().tensor("w", {2}, 0, one), "gguf.110");
  refused(gguf_bytes().tensor("w", {1}, 0, one).tensor_at("v", {1}, 0, 0, one), "gguf.110");
  refused(gguf_bytes().tensor("w", {1}, 0, one).tensor("w", {1}, 0, one), "gguf.105");
}

TEST_CASE("gguf: some keys of a file, as a file") {
  const std::vector<std::byte> bytes = sound().bytes();
  const gguf_file file = opened(bytes);
  constexpr std::string_view wanted[] = {"tokenizer.", "rope"};
  const std::vector<std::byte> made = gguf_keys_of(file, wanted);
  const gguf_file again = opened(made);
  CHECK(again.tensors().empty());
  CHECK(again.values().size() == 4);
  CHECK(again.texts("tokenizer.ggml.tokens") == file.texts("tokenizer.ggml.tokens"));
  CHECK(again.real("rope") == 0.5);
  CHECK(gguf_keys_of(again, wanted) == made);
}
