#include "spankey/checkpoint/issued_key_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "key/version_1_key.hpp"

using namespace spankey;
using spankey_test::id_of;

namespace {

std::vector<site_key> two_sites() {
  std::vector<site_key> key;
  key.push_back({{1, {2, 1, 1}}, {1.0F, -2.5F}});
  key.push_back({{3, {1, 1, 3}}, {0.0F, 0x1p-126F, 3.0F}});
  return key;
}

bool same(std::span<const site_key> a, std::span<const site_key> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(a[i].at == b[i].at) || a[i].values != b[i].values) return false;
  return true;
}

}  // namespace

TEST_CASE("key file: what is written is version 1, byte for byte, and read again") {
  const auto bytes = key_file_bytes(0x0123456789ABCDEFU, 17, two_sites());
  const auto fixture = std::as_bytes(std::span(spankey_test::version_1_key));
  CHECK(std::vector<std::byte>(bytes.begin(), bytes.end()) ==
        std::vector<std::byte>(fixture.begin(), fixture.end()));

  const spankey_test::scratch_directory directory;
  const std::string file = directory / "unit.key";
  save_key(file, 0x0123456789ABCDEFU, 17, two_sites());
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777U) == 0600U);
  const loaded_key key = load_key(file, 0x0123456789ABCDEFU);
  CHECK(key.network == 0x0123456789ABCDEFU);
  CHECK(key.number == 17);
  CHECK(same(key.sites, two_sites()));
}

TEST_CASE("key file: a name that is taken stays as it is") {
  const spankey_test::scratch_directory directory;
  const std::string file = directory / "unit.key";
  save_key(file, 1, 0, two_sites());
  CHECK(id_of([&] { save_key(file, 1, 1, two_sites()); }) == "io.117");
  CHECK(load_key(file).number == 0);
  std::filesystem::create_symlink(directory / "nowhere", directory / "link");
  CHECK(id_of([&] { save_key(directory / "link", 1, 1, two_sites()); }) == "io.117");
  CHECK(id_of([&] { save_key(directory.path(), 1, 1, two_sites()); }) == "io.117");
}

TEST_CASE("key file: every reason to refuse one has an id of its own") {
  const spankey_test::scratch_directory directory;
  const std::string file = directory / "unit.key";
  const auto written = [&](std::span<const std::byte> bytes) {
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return id_of([&] { (void)load_key(file, 7); });
  };
  const auto made = key_file_bytes(7, 0, two_sites());
  std::vector<std::byte> bytes(made.begin(), made.end());
  CHECK(id_of([&] { (void)load_key(file); }) == "io.101");
  CHECK(written(bytes) == "no error");
  CHECK(written(std::as_bytes(std::span(two_sites()[1].values))) == "key_file.111");
  CHECK(written({}) == "key_file.111");
  CHECK(written(std::span(bytes).first(60)) == "key_file.113");
  bytes[90] ^= std::byte{1};
  CHECK(written(bytes) == "key_file.113");
  bytes[90] ^= std::byte{1};
  bytes[8] = std::byte{2};
  CHECK(written(bytes) == "key_file.112");
  const auto other = key_file_bytes(8, 0, two_sites());
  CHECK(written(other) == "key_file.114");
}

TEST_CASE("key file: keys that no session could bind are not written") {
  std::vector<site_key> key = two_sites();
  key[1].values[2] = std::numeric_limits<float>::quiet_NaN();
  CHECK(id_of([&] { (void)key_file_bytes(1, 0, key); }) == "key_file.113");
  key = two_sites();
  std::swap(key[0], key[1]);
  CHECK(id_of([&] { (void)key_file_bytes(1, 0, key); }) == "key_file.113");
  key = two_sites();
  key[0].values.pop_back();
  CHECK(id_of([&] { (void)key_file_bytes(1, 0, key); }) == "key_file.113");
  CHECK(id_of([&] { (void)key_file_bytes(1, 0, {}); }) == "key_file.113");
}
