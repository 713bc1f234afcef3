// .npy: one array, and two of them as a data set.
#include <algorithm>

#include "fuzz.hpp"
#include "spankey/data/npy.hpp"

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
  return 0;
}
