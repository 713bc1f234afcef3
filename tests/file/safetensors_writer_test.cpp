#include "spankey/file/safetensors_writer.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "error_probe.hpp"
#include "scratch_directory.hpp"

namespace {

using spankey_test::id_of;

using namespace std::string_literals;
using spankey::dtype;
using spankey::safetensors_file;
using spankey::safetensors_writer;
using spankey_test::scratch_directory;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("the bytes of a file, written down") {
  safetensors_writer writer;
  const std::vector<float> one{1.0F};
  const std::vector<std::int64_t> three{3};
  writer.add_f32("b", {1}, one);
  writer.add_i64("y", {1}, three);
  writer.set_metadata("k", "v");
  const std::string header =
      R"({"__metadata__":{"k":"v"},"y":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  const std::string length{static_cast<char>(header.size() + padding.size()), 0, 0, 0, 0, 0, 0, 0};
  CHECK(text_of(writer.bytes()) == length + header + padding + "\x03\0\0\0\0\0\0\0"s + "\x00\x00\x80\x3f"s);
}

TEST_CASE("the order of adding does not reach the file") {
  const std::vector<float> a{1, 2, 3}, b{4};
  const std::vector<std::int64_t> y{5, 6};
  safetensors_writer first, second;
  first.add_f32("a", {3}, a), first.add_f32("b", {1}, b), first.add_i64("y", {2}, y);
  first.set_metadata("m", "1"), first.set_metadata("n", "2");
  second.set_metadata("n", "0"), second.set_metadata("n", "2"), second.set_metadata("m", "1");
  second.add_i64("y", {2}, y), second.add_f32("b", {1}, b), second.add_f32("a", {3}, a);
  CHECK(text_of(first.bytes()) == text_of(second.bytes()));
  CHECK(text_of(first.bytes()) == text_of(first.bytes()));
}

TEST_CASE("a header of any length is read again, also where its length begins as a pickle does") {
  for (std::size_t more = 0; more < 1600; more += 8) {
    safetensors_writer writer;
    writer.set_metadata("k", std::string(more, 'v'));
    const std::vector<std::byte> bytes = writer.bytes();
    CHECK_NOTHROW((void)spankey::safetensors_file::from_memory(bytes, "here"));
  }
}

TEST_CASE("what is written is read again: every type, odd names, no tensors") {
  safetensors_writer writer;
  for (const spankey::dtype_description& d : spankey::dtypes) {
    const std::vector<std::byte> bytes(static_cast<std::size_t>(d.bits), std::byte{0x5A});
    writer.add(d.name, d.type, {2, 4}, bytes);
  }
  writer.add("odd \"\\\n\u20ac\0name"s, dtype::u8, {0}, {});
  writer.add("scalar", dtype::boolean, {}, std::vector<std::byte>{std::byte{1}});
  writer.set_metadata("k\t", "\"v\\\n");
  const std::vector<std::byte> bytes = writer.bytes();
  const safetensors_file file = safetensors_file::from_memory(bytes, "test");
  CHECK(file.tensors().size() == spankey::dtypes.size() + 2);
  for (const spankey::dtype_description& d : spankey::dtypes) {
    const auto& tensor = file.require(d.name, d.type, {2, 4});
    CHECK(tensor.bytes.size() == static_cast<std::size_t>(d.bits));
    CHECK(tensor.count() == 8);
    CHECK(tensor.bytes[0] == std::byte{0x5A});
    // Aligned for its type (files are loaded to aligned memory).
    if (d.bits >= 8) CHECK((tensor.bytes.data() - bytes.data()) % (d.bits / 8) == 0);
  }
  CHECK(file.find("odd \"\\\n\u20ac\0name"s) != nullptr);
  CHECK(file.metadata().at("k\t") == "\"v\\\n");
  const std::vector<std::byte> empty = safetensors_writer().bytes();
  CHECK(text_of(empty) == "\x08\0\0\0\0\0\0\0{}      "s);
  const safetensors_file none = safetensors_file::from_memory(empty, "empty");
  CHECK(none.tensors().empty());
}

TEST_CASE("what no file can hold is refused") {
  safetensors_writer writer;
  const std::vector<float> two{1, 2};
  writer.add_f32("a", {2}, two);
  CHECK(id_of([&] { writer.add_f32("a", {2}, two); }) == "safetensors.131");
  CHECK(id_of([&] { writer.add_f32("__metadata__", {2}, two); }) == "safetensors.131");
  CHECK(id_of([&] { writer.add_f32("\xff", {2}, two); }) == "safetensors.131");
  CHECK(id_of([&] { writer.add_f32("b", {3}, two); }) == "safetensors.132");
  CHECK(id_of([&] { writer.add_f32("b", {-2}, two); }) == "safetensors.132");
  CHECK(id_of([&] { writer.set_metadata("k", "\xff"); }) == "safetensors.133");
  CHECK(id_of([&] { writer.set_metadata("\xff", "v"); }) == "safetensors.133");
  writer.set_metadata("big", std::string(static_cast<std::size_t>(spankey::safetensors_header_cap), 'x'));
  CHECK(id_of([&] { static_cast<void>(writer.bytes()); }) == "safetensors.134");
}

TEST_CASE("files: content and mode") {
  const scratch_directory directory;
  safetensors_writer writer;
  const std::vector<float> values{1, 2};
  writer.add_f32("a", {2}, values);
  const mode_t before = ::umask(022);
  writer.write(directory / "open");
  writer.write(directory / "secret", spankey::file_mode::secret);
  ::umask(before);
  struct stat found {};
  REQUIRE(::stat((directory / "open").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0644);
  REQUIRE(::stat((directory / "secret").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK(spankey_test::content_of(directory / "open") == text_of(writer.bytes()));
  CHECK(safetensors_file::open(directory / "secret").read_f32("a", {2}) == values);
}
