#include "spankey/file/folder_lock.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <filesystem>
#include <optional>

#include "error_probe.hpp"
#include "scratch_directory.hpp"

using spankey::folder_lock;
using spankey_test::id_of;
using spankey_test::message_of;
using spankey_test::scratch_directory;

TEST_CASE("one at a time, with a line that says so") {
  const scratch_directory directory;
  std::optional<folder_lock> first(directory.path());
  CHECK(message_of([&] { folder_lock second(directory.path()); }) ==
        "[spankey.io.122] " + directory.path() + ": another process is at work in it");
  const scratch_directory other;
  const folder_lock elsewhere(other.path());
  folder_lock moved(std::move(*first));
  first.reset();
  CHECK(id_of([&] { folder_lock second(directory.path()); }) == "io.122");
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("given back at the end of its scope") {
  const scratch_directory directory;
  for (int i = 0; i < 2; ++i) CHECK(id_of([&] { folder_lock lock(directory.path()); }) == "no error");
}

TEST_CASE("given back by a process that is killed") {
  const scratch_directory directory;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const folder_lock lock(directory.path());
    (void)!::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(id_of([&] { folder_lock second(directory.path()); }) == "io.122");
  REQUIRE(::kill(child, SIGKILL) == 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(id_of([&] { folder_lock second(directory.path()); }) == "no error");
  ::close(ready[0]), ::close(ready[1]);
}

TEST_CASE("no folder") {
  const scratch_directory directory;
  spankey_test::put(directory / "file", "");
  CHECK(id_of([&] { folder_lock lock(directory / "none"); }) == "io.121");
  CHECK(id_of([&] { folder_lock lock(directory / "file"); }) == "io.121");
}
