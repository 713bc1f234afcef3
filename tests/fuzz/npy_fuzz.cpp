// .npy: one array, and two of them as a data set of features and as one of images.
#include <algorithm>
#include <optional>

#include "fuzz.hpp"
#include "spankey/data/npy.hpp"
#include "spankey/data/npy_features.hpp"
#include "spankey/data/npy_images.hpp"
#include "spankey/data/pixel_constants.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const spankey_test::memory_file whole(bytes);
  accepts([&] {
    const npy_array array = read_npy(whole.path());
    index_t count = 1;
    for (const index_t extent : array.shape) count *= extent;
    promise(array.count() == count, "as many elements as the shape says");
    promise(array.bytes.size() < size, "the elements lie in the file");
    double sum = 0;
    for_each_element(array, [&](index_t, auto value) { sum += static_cast<double>(value); });
    static_cast<void>(sum);
  });
  // Two arrays: the first byte says where the second begins, in steps of 16 bytes.
  const std::size_t begin = std::min<std::size_t>(size, 1),
                    split = size == 0 ? 0 : std::min<std::size_t>(size, 1 + data[0] * 16U);
  const spankey_test::memory_file x(bytes.subspan(begin, split - begin)), y(bytes.subspan(split));
  accepts([&] {
    const feature_dataset set = load_npy_features(x.path(), y.path(), 3);
    require_usable(set, "input");
    promise(set.size() * set.sample.size() == static_cast<index_t>(set.values.size()),
            "features of every sample");
  });
  for (const std::optional<image_layout> layout :
       {std::optional<image_layout>(), {image_layout::channels_last}, {image_layout::channels_first}}) {
    accepts([&] {
      const image_dataset set = load_npy_images(x.path(), y.path(), {.layout = layout}).data;
      if (set.classes > 1) {
        image_dataset measured = set;
        measured_pixels(set).give_to(measured);
        require_usable(measured, "input");
      }
      promise(set.elements() == set.labels.size() * static_cast<std::size_t>(set.sample.size()),
              "bytes of every image");
    });
  }
  return 0;
}
