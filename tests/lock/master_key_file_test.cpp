#include "spankey/lock/master_key_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::check_refused;

TEST_CASE("a master key's file gives the key back, is its owner's, and shows every change") {
  const std::string path = (std::filesystem::temp_directory_path() / "spankey_master_key_test.key").string();
  std::filesystem::remove(path);
  const master_key key = draw_master_key();
  save_master_key(path, key);
  CHECK(load_master_key(path) == key);
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  check_refused([&] { save_master_key(path, key); }, "io.117");  // never over a key

  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  REQUIRE(bytes.size() == master_key_bytes);
  const auto write = [&](const std::vector<char>& changed) {
    std::ofstream(path, std::ios::binary).write(changed.data(), static_cast<std::streamsize>(changed.size()));
  };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::vector<char> changed = bytes;
    changed[i] ^= 1;
    write(changed);
    check_refused([&] { (void)load_master_key(path); }, i < 8    ? "key_file.111"
                                                        : i < 16 ? "key_file.112"
                                                                 : "key_file.113");
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{47}, std::size_t{60}, bytes.size() - 1}) {
    write({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
    check_refused([&] { (void)load_master_key(path); }, size < 48 ? "key_file.111" : "key_file.113");
  }
  // What binds keys of kind 1 knows that this is none.
  write(bytes);
  key_file other;
  CHECK(other.read(std::as_bytes(std::span(bytes))) == key_file_state::other_kind);
  std::filesystem::remove(path);
}
