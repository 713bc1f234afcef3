// CIFAR-10: a file of one record, and behind it one of as many as there are. CIFAR-100: all of it as one file.
#include <algorithm>
#include <array>

#include "fuzz.hpp"
#include "spankey/data/cifar10.hpp"
#include "spankey/data/cifar100.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const auto split = std::min(size, static_cast<std::size_t>(cifar10_form.record_bytes()));
  const spankey_test::memory_file first(bytes.first(split)), second(bytes.subspan(split));
  for (const std::size_t count : {1, 2}) {
    accepts([&] {
      const std::array<std::filesystem::path, 2> files = {first.path(), second.path()};
      const std::span<const std::filesystem::path> all(files);
      const image_dataset set = load_cifar10_files(all.first(count));
      require_usable(set, "input");
      const std::size_t read = count == 1 ? split : size;
      promise(set.labels.size() * static_cast<std::size_t>(cifar10_form.record_bytes()) == read &&
                  set.pixels.size() == set.labels.size() * 3072,
              "as many images as there are records");
    });
  }
  const spankey_test::memory_file whole(bytes);
  const std::filesystem::path file = whole.path();
  for (const cifar100_labels labels : {cifar100_labels::coarse, cifar100_labels::fine}) {
    accepts([&] {
      image_dataset set = load_cifar_files(std::span(&file, 1), cifar100_form(labels));
      cifar10_pixels().give_to(set);
      require_usable(set, "input");
      promise(set.labels.size() * 3074 == size, "as many images as there are records");
    });
  }
  return 0;
}
