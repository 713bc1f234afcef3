// Key files: what loads can draw keys, and saves and loads to the same.
#include <algorithm>
#include <vector>

#include "fuzz.hpp"
#include "spankey/checkpoint/key_space_file.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const spankey_test::memory_file file(std::span<const std::uint8_t>(data, size));
  accepts([&] {
    key_space keys = load_key_space(file.path());
    std::vector<std::vector<float>> drawn;
    std::vector<float*> outputs;
    for (const site& s : keys.sites()) {
      promise(s.shape.channels > 0 && s.shape.height > 0 && s.shape.width > 0, "extents are positive");
      promise(keys.config().subspace_dim <= s.shape.size(), "m is at most d");
      drawn.emplace_back(static_cast<std::size_t>(s.shape.size()));
      outputs.push_back(drawn.back().data());
    }
    keys.draw_valid({1, stream::evaluation, 0}, 1, outputs);
    keys.draw_invalid(invalid_family::gaussian, {1, stream::evaluation, 0}, 1, outputs);
  });
  return 0;
}
