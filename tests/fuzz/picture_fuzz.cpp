// Pictures: PNG and JPEG as they are, and at the size and in the shades that a network takes.
#include <array>
#include <filesystem>
#include <memory>
#include <vector>

#include "fuzz.hpp"
#include "spankey/data/jpeg.hpp"
#include "spankey/data/png.hpp"
#include "spankey/data/read_picture.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const spankey_test::memory_file file(std::span(data, size));
  constexpr std::array formats = {png_pictures, jpeg_pictures};
  // Of more pixels than this a picture is only slow.
  constexpr index_t most_pixels = 1 << 20;
  index_t pixels = 0;
  accepts([&] {
    const std::unique_ptr<picture_source> source = open_picture(file.path(), formats);
    const extents shape = source->shape();
    promise(shape.height > 0 && shape.width > 0 && (shape.channels == 1 || shape.channels == 3), "a picture");
    pixels = shape.height * shape.width;
    promise(pixels <= picture_pixels_cap, "a picture that memory may hold");
    if (pixels > most_pixels) return;
    std::vector<std::uint8_t> read(static_cast<std::size_t>(shape.size()));
    source->read(read.data());
  });
  if (pixels > most_pixels) return 0;
  for (const extents& wanted : {extents{1, 4, 4}, extents{3, 5, 7}}) {
    accepts([&] {
      const std::vector<std::uint8_t> read = read_picture(file.path(), formats, wanted, other_size::resized);
      promise(read.size() == static_cast<std::size_t>(wanted.size()), "bytes of every pixel");
    });
  }
  return 0;
}
