// CIFAR-10: a file of one record, and two files of one record each.
#include <algorithm>
#include <array>

#include "fuzz.hpp"
#include "spankey/data/cifar10.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const auto split = std::min(size, static_cast<std::size_t>(cifar10_record_bytes));
  const spankey_test::memory_file first(bytes.first(split)), second(bytes.subspan(split));
  for (const index_t records : {1, 2}) {
    accepts([&] {
      const std::array<std::filesystem::path, 2> files = {first.path(), second.path()};
      const std::span<const std::filesystem::path> all(files);
      const image_dataset set = load_cifar10_files(records == 1 ? all.first(1) : all, 1);
      require_usable(set, "input");
      promise(set.size() == records && set.pixels.size() == static_cast<std::size_t>(records) * 3072,
              "as many images as were asked for");
    });
  }
  return 0;
}
