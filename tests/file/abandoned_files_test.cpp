#include "spankey/file/abandoned_files.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "scratch_directory.hpp"

using spankey_test::put;
using spankey_test::scratch_directory;

TEST_CASE("a file in the making belongs to its maker as long as he holds it") {
  const scratch_directory directory;
  const std::string held = directory / spankey::temporary_name(7), abandoned = directory / ".spankey-1-0.tmp";
  put(held, "x"), put(abandoned, "x"), put(directory / "other.tmp", "x");
  const int fd = ::open(held.c_str(), O_WRONLY);
  spankey::lock_file(fd);
  spankey::remove_abandoned_files(directory.path());
  CHECK(std::filesystem::exists(held));
  CHECK_FALSE(std::filesystem::exists(abandoned));
  CHECK(std::filesystem::exists(directory / "other.tmp"));
  CHECK(spankey::has_a_name(fd));
  ::unlink(held.c_str());
  CHECK_FALSE(spankey::has_a_name(fd));
  ::close(fd);
}
