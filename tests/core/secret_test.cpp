#include "spankey/core/secret.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <utility>

using namespace spankey;

TEST_CASE("wipe clears exactly the bytes it is given") {
  std::array<unsigned char, 16> bytes;
  bytes.fill(0xAB);
  wipe(bytes.data() + 4, 8);
  for (std::size_t i = 0; i < bytes.size(); ++i) CHECK(bytes[i] == (i >= 4 && i < 12 ? 0 : 0xAB));
  wipe(bytes.data(), 0);
  CHECK(bytes[0] == 0xAB);
}

TEST_CASE("a secret vector is aligned and behaves as a vector") {
  secret_vector<float> a(1000, 2.0F);
  CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
  const secret_vector<float> copy = a;
  const secret_vector<float> moved = std::move(a);
  CHECK(copy == moved);
  secret_vector<float> grown;
  for (int i = 0; i < 1000; ++i) grown.push_back(2.0F);
  CHECK(grown == copy);
}
