#include "spankey/file/folder_room.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>

#include "error_probe.hpp"
#include "faulty_calls.hpp"
#include "scratch_directory.hpp"

using namespace spankey;
using spankey_test::call;
using spankey_test::faulty_calls;
using spankey_test::id_of;
using spankey_test::message_of;
using spankey_test::scratch_directory;

TEST_CASE("room: what is free now is enough or not") {
  const scratch_directory directory;
  CHECK(id_of([&] { require_room(directory.path(), 1); }) == "no error");
  struct statvfs found {};
  REQUIRE(::statvfs(directory.path().c_str(), &found) == 0);
  const std::uint64_t all = static_cast<std::uint64_t>(found.f_blocks) * found.f_frsize;
  const std::string message = message_of([&] { require_room(directory.path(), 2 * all); });
  CHECK(message.starts_with("[spankey.io.123] " + directory.path() + ": needs "));
  CHECK(message.find("MB of free space, found ") != std::string::npos);
  CHECK(id_of([&] { require_room(directory.path(), std::numeric_limits<std::uint64_t>::max()); }) ==
        "io.123");
  CHECK(id_of([&] { require_room(directory / "none", 1); }) ==
        "no error");  // whoever writes there will hear of it
}

TEST_CASE("room: a folder that can be written is left as it was") {
  const scratch_directory directory;
  CHECK(id_of([&] { require_writable(directory.path()); }) == "no error");
  CHECK(std::filesystem::is_empty(directory.path()));
  CHECK(id_of([&] { require_writable(directory / "none"); }) == "io.111");
  spankey_test::put(directory / "file", "");
  CHECK(id_of([&] { require_writable(directory / "file"); }) == "io.111");
}

TEST_CASE("room: whichever call fails, it is said") {
  const scratch_directory directory;
  faulty_calls::expect(call::any, 0, 0);
  require_writable<faulty_calls>(directory.path());
  CHECK(faulty_calls::calls == 9);
  int failures = 0;
  for (int n = 1; n <= 9; ++n) {
    const scratch_directory another;
    faulty_calls::expect(call::any, n, EROFS);
    failures += id_of([&] { require_writable<faulty_calls>(another.path()); }) == "no error" ? 0 : 1;
  }
  // open, write, fsync, link, close; open, fsync and close of the folder; unlink: but for the first, the link and the close,
  // for which there is another way
  CHECK(failures == 6);
  CHECK(faulty_calls::open_files == 0);
}
