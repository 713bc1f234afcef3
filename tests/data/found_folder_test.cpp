#include "spankey/data/found_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "file/scratch_directory.hpp"

using spankey_test::put;
using spankey_test::scratch_directory;

TEST_CASE("the named folders come first, the root last") {
  const scratch_directory directory;
  const std::filesystem::path root(directory.path());
  std::filesystem::create_directories(root / "b");
  const auto found = [&] {
    return spankey::folder_that(root, {"a", "b"}, [](const std::filesystem::path& place) {
      return std::filesystem::exists(place / "file");
    });
  };
  CHECK(found().empty());
  put(directory / "file", "x");
  CHECK(found() == root);
  put(directory / "b/file", "x");
  CHECK(found() == root / "b");
  CHECK(spankey::likely_folder(root, {"a", "b"}) == root / "b");
  CHECK(spankey::likely_folder(root, {"a"}) == root);
  CHECK(spankey::what_lies_in(root) == "b/, file");
  CHECK(spankey::what_lies_in(root / "file") == "a file, no folder");
  CHECK(spankey::what_lies_in(root / "c") == "no such folder");
}

TEST_CASE("archives and the commands that unpack them") {
  CHECK(spankey::how_to_unpack("d", "a.tar.gz") == "tar -xf d/a.tar.gz -C d");
  CHECK(spankey::how_to_unpack("d", "a.tgz") == "tar -xf d/a.tgz -C d");
  CHECK(spankey::how_to_unpack("my d", "a.zip") == "unzip 'my d/a.zip' -d 'my d'");
  CHECK(spankey::how_to_unpack("d", "a.gz").empty());
}
