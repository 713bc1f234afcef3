// IDX: items of 2 x 3 bytes, labels, and images of the MNIST family with their labels in one input.
#include "fuzz.hpp"
#include "spankey/data/idx.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const spankey_test::memory_file file(bytes);
  const auto check = [&](const idx_expectation& expected, index_t header, index_t item) {
    accepts([&] {
      const idx_items items = read_idx(file.path(), expected);
      promise(items.count >= 1 && items.count <= expected.most_items, "as many items as may be");
      promise(header + items.count * item == static_cast<index_t>(size), "the file ends with its items");
    });
  };
  check({{2, 3}, 60000}, 16, 6);
  check({{}, 60000}, 8, 1);
  check({{8}, 60000, idx_element::word}, 12, 32);
  check({{28, 28}, mnist_most_images}, 16, 784);
  check({{65536, 65536, 65536}, 4294967295}, 20, index_t{1} << 48);
  // One image and, behind it, labels.
  const std::size_t images = std::min<std::size_t>(size, 16 + 784);
  const spankey_test::memory_file image_file(bytes.first(images)), label_file(bytes.subspan(images));
  const idx_form letters{.classes = 26, .first_label = 1, .transposed = true};
  for (const idx_form& form : {idx_form{}, letters}) {
    accepts([&] {
      const image_dataset set = load_idx_images(image_file.path(), label_file.path(), open_file, form);
      require_usable(image_dataset{"", set.sample, set.classes, set.pixels, set.labels, {0}, {1}}, "input");
    });
  }
  return 0;
}
