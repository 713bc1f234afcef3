#include "spankey/key/key_file.hpp"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "key/version_1_key.hpp"

using namespace spankey;
using spankey_test::version_1_key;

namespace {

std::vector<std::byte> fixture() {
  const auto bytes = std::as_bytes(std::span(version_1_key));
  return {bytes.begin(), bytes.end()};
}

key_file_state state_of(std::span<const std::byte> bytes) {
  key_file file;
  return file.read(bytes);
}

template <class Value>
void put(std::vector<std::byte>& bytes, std::size_t at, Value value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

// What `read` says once `change` was made and the checksum fits again.
template <class F>
key_file_state changed(F&& change) {
  std::vector<std::byte> bytes = fixture();
  change(bytes);
  put(bytes, bytes.size() - 8, word_checksum(bytes.data(), bytes.size() - 8));
  return state_of(bytes);
}

}  // namespace

TEST_CASE("key file: version 1, byte for byte, is read for ever") {
  const std::vector<std::byte> bytes = fixture();
  key_file file;
  REQUIRE(file.read(bytes) == key_file_state::ok);
  CHECK(file.network() == 0x0123456789ABCDEFU);
  CHECK(file.number() == 17);
  REQUIRE(file.sites() == 2);
  CHECK(file.at(0) == site{1, {2, 1, 1}});
  CHECK(file.at(1) == site{3, {1, 1, 3}});
  const auto floats = [](std::span<const std::byte> part) {
    std::vector<float> values(part.size() / sizeof(float));
    std::memcpy(values.data(), part.data(), part.size());
    return values;
  };
  CHECK(floats(file.values(0)) == std::vector<float>{1.0F, -2.5F});
  CHECK(floats(file.values(1)) == std::vector<float>{0.0F, 0x1p-126F, 3.0F});
}

TEST_CASE("key file: at any alignment") {
  const std::vector<std::byte> bytes = fixture();
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::vector<std::byte> moved(shift);
    moved.insert(moved.end(), bytes.begin(), bytes.end());
    CHECK(state_of(std::span(moved).subspan(shift)) == key_file_state::ok);
  }
}

TEST_CASE("key file: every cut, every longer file and every flipped bit is found") {
  const std::vector<std::byte> bytes = fixture();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(state_of(std::span(bytes).first(size)) ==
          (size < 8 ? key_file_state::foreign : key_file_state::damaged));
  for (const std::size_t more : {1U, 4U, 1000U}) {
    std::vector<std::byte> longer = bytes;
    longer.resize(bytes.size() + more);
    CHECK(state_of(longer) == key_file_state::damaged);
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::vector<std::byte> flipped = bytes;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    const key_file_state state = state_of(flipped);
    CHECK(state != key_file_state::ok);
    const bool is_magic = bit / 8 < 8, is_version = bit / 8 >= 8 && bit / 8 < 12;
    if (!is_magic && !is_version) CHECK(state == key_file_state::damaged);
  }
}

TEST_CASE("key file: what is none, and what is of a later version or kind") {
  const std::array<float, 40> raw{};
  CHECK(state_of(std::as_bytes(std::span(raw))) == key_file_state::foreign);
  CHECK(state_of({}) == key_file_state::foreign);
  CHECK(changed([](auto& b) { put(b, 7, '1'); }) == key_file_state::foreign);  // a weight image's
  CHECK(changed([](auto& b) { put(b, 8, std::uint32_t{2}); }) == key_file_state::newer);
  CHECK(changed([](auto& b) { put(b, 8, std::uint32_t{0}); }) == key_file_state::damaged);
  CHECK(changed([](auto& b) { put(b, 12, std::uint32_t{2}); }) == key_file_state::other_kind);
  std::vector<std::byte> both = fixture();  // damage is found in kinds that are not known
  put(both, 12, std::uint32_t{2});
  CHECK(state_of(both) == key_file_state::damaged);
}

TEST_CASE("key file: sites that cannot be, under a checksum that fits") {
  const auto site_word = [](std::size_t entry, std::size_t word, std::uint32_t value) {
    return changed([&](auto& b) { put(b, 48 + entry * 16 + word * 4, value); });
  };
  CHECK(changed([](auto& b) { put(b, 40, std::uint32_t{0}); }) == key_file_state::damaged);
  CHECK(changed([](auto& b) { put(b, 40, std::uint32_t{1}); }) == key_file_state::damaged);
  CHECK(changed([](auto& b) { put(b, 40, std::uint32_t{0xFFFFFFFF}); }) == key_file_state::damaged);
  CHECK(site_word(1, 0, 1) == key_file_state::damaged);  // twice the same site
  CHECK(site_word(1, 0, 0) == key_file_state::damaged);  // not ascending
  CHECK(site_word(1, 0, 0x80000001U) == key_file_state::damaged);
  for (const std::size_t word : {1U, 2U, 3U}) {
    for (const std::uint32_t extent : {0U, 7U, 0x10000U, 0x80000000U, 0xFFFFFFFFU})
      CHECK(site_word(0, word, extent) == key_file_state::damaged);
  }
}

TEST_CASE("key file: numbers that are no numbers") {
  for (const std::uint32_t bits : {0x7F800000U, 0xFF800000U, 0x7FC00000U, 0xFFFFFFFFU, 0x7F800001U}) {
    for (const std::size_t value : {0U, 1U, 4U})
      CHECK(changed([&](auto& b) { put(b, 80 + value * 4, bits); }) == key_file_state::not_finite);
  }
}
