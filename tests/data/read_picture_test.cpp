#include "spankey/data/read_picture.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "png_files.hpp"
#include "spankey/data/png.hpp"

using spankey::extents;
using spankey::other_size;
using spankey_test::check_refused;
using spankey_test::colour_png;
using spankey_test::grey_png;
using spankey_test::put;
using spankey_test::scratch_directory;
using bytes = std::vector<std::uint8_t>;

namespace {

bytes read(const std::string& file, const extents& expected, other_size size = other_size::refused) {
  const scratch_directory directory;
  put(directory / "a.png", file);
  const std::array formats = {spankey::png_pictures};
  return spankey::read_picture(directory / "a.png", formats, expected, size);
}

}  // namespace

TEST_CASE("a picture has the extents that the network takes") {
  CHECK(read(grey_png(2, 1, 100), {1, 1, 2}) == bytes{0, 100});
  CHECK(read(grey_png(2, 1, 100), {3, 1, 2}) == bytes{0, 0, 0, 100, 100, 100});
  CHECK(read(colour_png(2, 1, 7, 7, 7), {1, 1, 2}) == bytes{7, 7});
  CHECK(read(colour_png(1, 1, 7, 8, 9), {3, 1, 1}) == bytes{7, 8, 9});
  CHECK(read(grey_png(2, 1, 100), {1, 1, 4}, other_size::resized) == bytes{0, 25, 75, 100});
}

TEST_CASE("a picture of another size, in colour, or for a network of something else") {
  check_refused([] { read(grey_png(2, 1), {1, 1, 4}); }, "data.182", {"a.png", "2 x 1", "W=4 H=1"});
  check_refused([] { read(colour_png(1, 1, 7, 8, 9), {1, 1, 1}); }, "data.182", {"colour"});
  check_refused([] { read(grey_png(2, 1), {20, 1, 2}); }, "data.182", {"C=20"});
}
