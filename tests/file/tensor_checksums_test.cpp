#include "spankey/file/tensor_checksums.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "error_probe.hpp"
#include "scratch_directory.hpp"
#include "spankey/file/safetensors_writer.hpp"

using namespace spankey;
using spankey_test::id_of;
using spankey_test::message_of;
using spankey_test::scratch_directory;

namespace {

safetensors_writer two_tensors() {
  safetensors_writer writer;
  writer.add_f32("a", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  writer.add_i64("b", {1}, std::vector<std::int64_t>{7});
  writer.set_metadata("epoch", "12");
  return writer;
}

std::string checked(const std::vector<std::byte>& bytes, bool required = true) {
  return id_of([&] { check_checksums(safetensors_file::from_memory(bytes, "file"), required); });
}

}  // namespace

TEST_CASE("checksums: what the metadata says") {
  safetensors_writer writer = two_tensors();
  writer.add_checksums();
  const std::vector<std::byte> bytes = writer.bytes();
  const safetensors_file file = safetensors_file::from_memory(bytes, "file");
  CHECK(file.metadata().size() == 4);
  CHECK(file.metadata().at("crc32.a") == crc32_text(crc32(file.find("a")->bytes)));
  CHECK(file.metadata().at("crc32.b") == "6fe7d670");  // zlib.crc32(b"\7" + bytes(7))
  CHECK(checked(bytes) == "no error");
  // Adding them twice is adding them once.
  writer.add_checksums();
  CHECK(writer.bytes() == bytes);
}

TEST_CASE("checksums: a file without any") {
  const std::vector<std::byte> bytes = two_tensors().bytes();
  CHECK(checked(bytes, false) == "no error");
  CHECK(checked(bytes, true) == "checksum.101");
}

TEST_CASE("checksums: other metadata, another tensor, another type or shape") {
  const auto changed = [](auto&& change) {
    safetensors_writer writer = two_tensors();
    writer.add_checksums();
    change(writer);
    return checked(writer.bytes());
  };
  CHECK(changed([](auto& w) { w.set_metadata("epoch", "13"); }) == "checksum.102");
  CHECK(changed([](auto& w) { w.set_metadata("more", ""); }) == "checksum.102");
  CHECK(changed([](auto& w) { w.set_metadata("crc32.a", "00000000"); }) == "checksum.102");
  CHECK(changed([](auto& w) { w.add_f32("c", {0}, {}); }) == "checksum.102");

  safetensors_writer writer = two_tensors(), reshaped, renamed;
  writer.add_checksums();
  const std::vector<std::byte> bytes = writer.bytes();
  const safetensors_file file = safetensors_file::from_memory(bytes, "file");
  for (const auto& [key, value] : file.metadata()) reshaped.set_metadata(key, value);
  reshaped.add_f32("a", {3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
  reshaped.add_i64("b", {1}, std::vector<std::int64_t>{7});
  CHECK(checked(reshaped.bytes()) == "checksum.102");

  // A tensor without a checksum, though the header's own is right.
  renamed.add_f32("a", {1}, std::vector<float>{1});
  const std::vector<std::byte> alone = renamed.bytes();
  const safetensors_file without = safetensors_file::from_memory(alone, "file");
  renamed.set_metadata("crc32", crc32_text(crc32_of_header({}, without.tensors())));
  CHECK(checked(renamed.bytes()) == "checksum.101");
}

TEST_CASE("checksums: every flipped bit of a file is found, or changes nothing that is read") {
  safetensors_writer writer = two_tensors();
  writer.add_checksums();
  const std::vector<std::byte> bytes = writer.bytes();
  const safetensors_file right = safetensors_file::from_memory(bytes, "file");
  std::size_t found = 0, same = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::vector<std::byte> flipped = bytes;
    flipped[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
    const std::string id = checked(flipped);
    if (id != "no error") {
      ++found;
      continue;
    }
    ++same;
    const safetensors_file file = safetensors_file::from_memory(flipped, "file");
    CHECK(file.metadata() == right.metadata());
    REQUIRE(file.tensors().size() == right.tensors().size());
    for (const auto& [name, tensor] : right.tensors()) {
      const stored_tensor* other = file.find(name);
      REQUIRE(other != nullptr);
      CHECK(other->type == tensor.type);
      CHECK(other->shape == tensor.shape);
      CHECK(std::equal(tensor.bytes.begin(), tensor.bytes.end(), other->bytes.begin(), other->bytes.end()));
    }
  }
  CHECK(found > 0);
  CHECK(same == 0);
}

TEST_CASE("checksums: a damaged tensor is named, in one line") {
  const scratch_directory directory;
  safetensors_writer writer = two_tensors();
  writer.add_checksums();
  writer.write(directory / "f");
  std::string text = spankey_test::content_of(directory / "f");
  text.back() = static_cast<char>(text.back() ^ 1);  // of "a": narrower elements come last
  spankey_test::put(directory / "f", text);
  const std::string message =
      message_of([&] { check_checksums(safetensors_file::open(directory / "f"), false); });
  CHECK(message.find("[spankey.checksum.103]") == 0);
  CHECK(message.find("tensor \"a\"") != std::string::npos);
  CHECK(message.find(directory / "f") != std::string::npos);
}
