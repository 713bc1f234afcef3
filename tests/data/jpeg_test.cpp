#include "spankey/data/jpeg.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"

using spankey::extents;
using spankey::index_t;
using spankey_test::check_refused;
using spankey_test::put;
using spankey_test::scratch_directory;

namespace {

// A picture of one value a channel, but for its lower half, which is black; written by libjpeg itself.
std::string jpeg_file(unsigned width, unsigned height, const std::vector<std::uint8_t>& value,
                      J_COLOR_SPACE space) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_width = width;
  info.image_height = height;
  info.input_components = static_cast<int>(value.size());
  info.in_color_space = space;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  jpeg_start_compress(&info, TRUE);
  std::vector<std::uint8_t> row;
  for (unsigned i = 0; i < width; ++i) row.insert(row.end(), value.begin(), value.end());
  const std::vector<std::uint8_t> black(row.size(), 0);
  while (info.next_scanline < height) {
    JSAMPROW line = const_cast<JSAMPROW>((info.next_scanline < height / 2 ? row : black).data());
    jpeg_write_scanlines(&info, &line, 1);
  }
  jpeg_finish_compress(&info);
  std::string file(reinterpret_cast<char*>(memory), size);
  jpeg_destroy_compress(&info);
  std::free(memory);
  return file;
}

struct seen {
  extents shape;
  std::vector<std::uint8_t> pixels;
};

seen read(const std::string& file) {
  const scratch_directory directory;
  put(directory / "a.jpg", file);
  const std::array formats = {spankey::jpeg_pictures};
  const auto source = spankey::open_picture(directory / "a.jpg", formats);
  seen found{source->shape(), {}};
  found.pixels.resize(static_cast<std::size_t>(found.shape.size()));
  source->read(found.pixels.data());
  return found;
}

void check_near(int found, int expected) { CHECK(std::abs(found - expected) <= 3); }

}  // namespace

TEST_CASE("grey and coloured JPEGs are read as they are") {
  const seen grey = read(jpeg_file(16, 32, {200}, JCS_GRAYSCALE));
  CHECK(grey.shape == extents{1, 32, 16});
  check_near(grey.pixels.front(), 200);
  check_near(grey.pixels.back(), 0);
  const seen colour = read(jpeg_file(16, 16, {200, 100, 50}, JCS_RGB));
  CHECK(colour.shape == extents{3, 16, 16});
  for (std::size_t c = 0; c < 3; ++c) check_near(colour.pixels[3 * 17 + c], c == 0 ? 200 : c == 1 ? 100 : 50);
}

TEST_CASE("bytes between two markers harm nothing") {
  std::string file = jpeg_file(16, 16, {100}, JCS_GRAYSCALE);
  const std::string whole = file;
  file.insert(file.find("\xFF\xDB"), "xyz");
  CHECK(read(file).pixels == read(whole).pixels);
}

TEST_CASE("JPEGs that are damaged, end early or have four components, and what is none") {
  const std::string whole = jpeg_file(64, 64, {200, 100, 50}, JCS_RGB);
  for (const std::size_t length : {std::size_t{4}, std::size_t{100}, whole.size() / 2, whole.size() - 40})
    check_refused([&] { read(whole.substr(0, length)); }, "data.183", {"a.jpg"});
  std::string damaged = whole;
  for (std::size_t i = whole.size() / 2; i < whole.size() - 20; ++i) damaged[i] = '\x5A';
  check_refused([&] { read(damaged); }, "data.183");
  check_refused([] { read(jpeg_file(8, 8, {1, 2, 3, 4}, JCS_CMYK)); }, "data.184", {"4 components"});
  check_refused([] { read("\x89PNG\r\n\x1A\n and more"); }, "data.185", {"JPEG"});
  // The frame's header promises 65,500 pixels a side.
  std::string huge = whole;
  const std::size_t frame = huge.find("\xFF\xC0");
  for (const std::size_t at : {frame + 5, frame + 7}) huge[at] = '\xFF', huge[at + 1] = '\xDC';
  check_refused([&] { read(huge); }, "data.183", {"65500 x 65500"});
}
