#include "spankey/data/png.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "png_files.hpp"

using spankey::extents;
using spankey::index_t;
using spankey_test::check_refused;
using spankey_test::grey_png;
using spankey_test::png_file;
using spankey_test::put;
using spankey_test::scratch_directory;

namespace {

struct seen {
  extents shape;
  std::vector<std::uint8_t> pixels;
};

seen read(const std::string& file) {
  const scratch_directory directory;
  put(directory / "a.png", file);
  const std::array formats = {spankey::png_pictures};
  const auto source = spankey::open_picture(directory / "a.png", formats);
  seen found{source->shape(), {}};
  found.pixels.resize(static_cast<std::size_t>(found.shape.size()));
  source->read(found.pixels.data());
  return found;
}

}  // namespace

TEST_CASE("grey, coloured and opaque PNGs are read as they are") {
  const seen grey = read(grey_png(3, 2, 10));
  CHECK(grey.shape == extents{1, 2, 3});
  CHECK(grey.pixels == std::vector<std::uint8_t>{0, 10, 20, 30, 40, 50});
  const std::vector<std::uint8_t> colours = {1, 2, 3, 4, 5, 6};
  const seen colour = read(png_file(1, 2, PNG_FORMAT_RGB, colours));
  CHECK(colour.shape == extents{3, 2, 1});
  CHECK(colour.pixels == colours);
  const seen opaque =
      read(png_file(2, 1, PNG_FORMAT_RGBA, std::vector<std::uint8_t>{1, 2, 3, 255, 4, 5, 6, 255}));
  CHECK(opaque.pixels == colours);
}

TEST_CASE("PNGs that would have to be converted, and what is none") {
  check_refused(
      [] {
        read(png_file(2, 1, PNG_FORMAT_GA, std::vector<std::uint8_t>{1, 255, 2, 254}));
      },
      "data.182", {"a.png", "transparent"});
  check_refused([] { read(png_file(1, 1, PNG_FORMAT_LINEAR_Y, std::vector<std::uint16_t>{1000})); },
                "data.182", {"16 bits"});
  const std::string whole = grey_png(8, 8);
  for (const std::size_t length : {std::size_t{8}, std::size_t{20}, whole.size() - 13})
    check_refused([&] { read(whole.substr(0, length)); }, "data.181", {"a.png"});
  check_refused([] { read("GIF89a"); }, "data.185", {"a.png", "PNG"});
  check_refused([] { read(""); }, "data.185");
  // A header alone that promises 16 million pixels a side.
  std::string huge = whole;
  for (const std::size_t at : {std::size_t{17}, std::size_t{21}}) huge[at] = '\xFF';
  check_refused([&] { read(huge); }, "data.181");
}
