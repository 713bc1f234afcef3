#include "spankey/key/sealed_bytes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace spankey;

TEST_CASE("sealed bytes open with their key and name alone, and show every change") {
  const secret_bytes key = derive(master_key(), {"seal"}), other = derive(master_key(), {"other"});
  for (const std::size_t size : {0, 1, 1000}) {
    std::vector<std::byte> bytes(size, std::byte{7});
    std::vector<std::byte> sealed = seal(bytes, "conv1|64", key);
    REQUIRE(sealed.size() == size + sealed_overhead);
    CHECK(seal(bytes, "conv1|64", key) != sealed);  // another nonce
    const auto found = opened(sealed, "conv1|64", key);
    REQUIRE(found);
    CHECK(std::equal(found->begin(), found->end(), bytes.begin(), bytes.end()));
    CHECK_FALSE(opened(sealed, "conv1|64", other));
    CHECK_FALSE(opened(sealed, "conv2|64", key));
    for (std::size_t i = 0; i < sealed.size(); i += 7) {
      sealed[i] ^= std::byte{1};
      CHECK_FALSE(opened(sealed, "conv1|64", key));
      sealed[i] ^= std::byte{1};
    }
    sealed.resize(sealed_overhead - 1);
    CHECK_FALSE(opened(sealed, "conv1|64", key));
  }
}
