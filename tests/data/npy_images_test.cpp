#include "spankey/data/npy_images.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "npy_files.hpp"
#include "spankey/data/dataset.hpp"

using spankey::extents;
using spankey::image_layout;
using spankey::npy_images;
using spankey_test::bytes_of;
using spankey_test::check_refused;
using spankey_test::described;
using spankey_test::npy;
using spankey_test::put;
using spankey_test::scratch_directory;

namespace {

// Bytes 0, 1, 2, ... of this shape, and labels 0 and 300.
npy_images loaded(const std::string& shape, std::size_t bytes, const spankey::npy_image_options& options = {},
                  const char* type = "|u1") {
  const scratch_directory directory;
  std::vector<std::uint8_t> values(bytes);
  std::iota(values.begin(), values.end(), std::uint8_t{0});
  put(directory / "x.npy", npy(described(type, shape), bytes_of(values)));
  put(directory / "y.npy", npy(described("<u2", "(2,)"), bytes_of<std::uint16_t>({0, 300})));
  return spankey::load_npy_images(directory / "x.npy", directory / "y.npy", options);
}

}  // namespace

TEST_CASE("the layout of an array of images follows from its shape") {
  const npy_images grey = loaded("(2, 5, 6)", 60);
  CHECK(grey.layout == image_layout::grey);
  CHECK(grey.data.sample == extents{1, 5, 6});
  CHECK(grey.data.image(1)[0] == 30);
  CHECK(grey.data.labels == std::vector<spankey::class_label>{0, 300});
  CHECK(grey.data.classes == 301);

  const npy_images last = loaded("(2, 5, 6, 3)", 180);
  CHECK(last.layout == image_layout::channels_last);
  CHECK(last.data.sample == extents{3, 5, 6});
  CHECK(last.data.image(1)[4] == 94);

  const npy_images first = loaded("(2, 3, 5, 6)", 180);
  CHECK(first.layout == image_layout::channels_first);
  CHECK(first.data.sample == extents{3, 5, 6});
  // Row 0, column 1: each channel from its own plane of 30 bytes.
  CHECK(first.data.image(1)[3] == 91);
  CHECK(first.data.image(1)[4] == 121);
  CHECK(first.data.image(1)[5] == 151);
  CHECK(first.data.image(1)[89] == 179);

  CHECK(loaded("(2, 1, 5, 6)", 60).data.sample == extents{1, 5, 6});
  CHECK(loaded("(2, 5, 6, 4)", 240).data.sample == extents{4, 5, 6});
  CHECK(spankey::text_of(image_layout::channels_first) == "N, C, H, W");
}

TEST_CASE("a shape that may be either layout is refused until the layout is named") {
  check_refused([] { loaded("(2, 3, 5, 3)", 90); }, "data.203", {"x.npy", "(2, 3, 5, 3)", "NHWC", "NCHW"});
  CHECK(loaded("(2, 3, 5, 3)", 90, {.layout = image_layout::channels_last}).data.sample == extents{3, 3, 5});
  CHECK(loaded("(2, 3, 5, 3)", 90, {.layout = image_layout::channels_first}).data.sample == extents{3, 5, 3});
  check_refused([] { loaded("(2, 5, 6, 3)", 180, {.layout = image_layout::channels_first}); }, "data.202",
                {"(2, 5, 6, 3)", "N, C, H, W"});
  check_refused([] { loaded("(2, 5, 6, 3)", 180, {.layout = image_layout::grey}); }, "data.202", {"N, H, W"});
  check_refused([] { loaded("(2, 5, 6)", 60, {.layout = image_layout::channels_last}); }, "data.202");
}

TEST_CASE("arrays that are no images of bytes") {
  check_refused([] { loaded("(2, 5, 6, 7)", 420); }, "data.202", {"(2, 5, 6, 7)", "1 to 4 channels"});
  check_refused([] { loaded("(2, 60)", 120); }, "data.202", {"(2, 60)"});
  check_refused([] { loaded("(0, 5, 6)", 0); }, "data.202", {"at least one"});
  check_refused([] { loaded("(2, 0, 6)", 0); }, "data.202");
  check_refused([] { loaded("(2, 5, 3)", 120, {}, "<f4"); }, "data.201", {"<f4", "255", "uint8"});
  check_refused([] { loaded("(2, 5, 3)", 240, {}, "<i8"); }, "data.201", {"<i8", "astype('uint8')"});
  check_refused([] { loaded("(3, 5, 6)", 90); }, "data.176", {"y.npy", "3 labels"});
  check_refused([] { loaded("(2, 5, 6)", 60, {.classes = 300}); }, "data.177", {"0 to 299", "found 300"});
  check_refused([] { loaded("(2, 5, 6)", 60, {.largest = 59}); }, "data.175");
  CHECK(loaded("(2, 5, 6)", 60, {.classes = 400}).data.classes == 400);
}
