#include "spankey/data/byte_source.hpp"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"

namespace fs = std::filesystem;
using spankey::file_bytes;
using spankey::open_file;
using spankey_test::message_of;
using spankey_test::put;
using spankey_test::scratch_directory;

TEST_CASE("a file's bytes come in order, and fewer only at its end") {
  const scratch_directory directory;
  const fs::path file = directory / "a";
  put(file, std::string("\0\x01\xFF\n abc", 8));
  file_bytes source(file);
  CHECK(source.where() == file.string());
  CHECK(source.length().least == 8);
  CHECK(source.length().most == 8);
  std::array<std::uint8_t, 6> out{};
  CHECK(source.read(out.data(), 3) == 3);
  CHECK(out == std::array<std::uint8_t, 6>{0, 1, 255, 0, 0, 0});
  CHECK(source.read(out.data(), 6) == 5);
  CHECK(out == std::array<std::uint8_t, 6>{'\n', ' ', 'a', 'b', 'c', 0});
  CHECK(source.read(out.data(), 1) == 0);
}

TEST_CASE("what is no readable file is refused by name") {
  const scratch_directory directory;
  const auto opening = [](const fs::path& path) { return message_of([&] { open_file(path); }); };
  const fs::path missing = directory / "missing";
  CHECK(opening(missing) ==
        "[spankey.data.141] " + missing.string() + ": offset 0: expected a file, found no such file");
  CHECK(opening(directory.path()) ==
        "[spankey.data.143] " + directory.path() + ": offset 0: expected a file, found a directory");

  const fs::path loop = directory / "loop";
  fs::create_symlink(loop, loop);
  CHECK(opening(loop).find("[spankey.data.142] " + loop.string() +
                           ": offset 0: expected a file, found an unreadable path: ") == 0);

  const fs::path locked = directory / "locked";
  put(locked, "abc");
  fs::permissions(locked, fs::perms::none);
  // The superuser may read it all the same: then there is nothing to refuse.
  const bool readable = std::ifstream(locked).good();
  CHECK(opening(locked) ==
        (readable ? "no error"
                  : "[spankey.data.142] " + locked.string() +
                        ": offset 0: expected 3 bytes, found a file that cannot be opened for reading"));
}

TEST_CASE("a file of which only the packed form is there is pointed out") {
  const scratch_directory directory;
  put(directory / "a.gz", "");
  const fs::path file = directory / "a";
  CHECK(message_of([&] { open_file(file); }) ==
        "[spankey.data.141] " + file.string() +
            ": offset 0: expected a file, found only a.gz: unpack it, or read it through open_file_or_gzip");
}
