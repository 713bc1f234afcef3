// The vectors below were made by another implementation (Python's hmac, and ChaCha20 written from RFC 8439).
#include "spankey/key/derivation.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::check_refused;

namespace {

master_key counted() {
  std::array<std::byte, master_key::size> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  return master_key(bytes);
}
constexpr std::array<std::byte, 16> counted_nonce = [] {
  std::array<std::byte, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}();
std::string hexadecimal(const secret_bytes& key) {
  std::string text;
  for (const std::byte b : key.bytes()) {
    const auto value = static_cast<unsigned>(b);
    text += "0123456789abcdef"[value >> 4], text += "0123456789abcdef"[value & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("a key of a purpose and its numbers are those of the vectors") {
  const secret_bytes key = derive(counted(), {"rotate", "layer1.0.conv1", counted_nonce});
  CHECK(hexadecimal(key) == "c6c18b952db56f2a28f4ed96321b1ba2ebc90b8a18a673366412c122b41dc77d");
  key_stream words(key);
  const std::vector<std::uint32_t> expected = {0xe0502fa4, 0xe4270dff, 0xdf203c5b, 0x64107948, 0x95e7440c,
                                               0xb6cadb14, 0x67f8d4a1, 0x87f43414, 0x80850afc, 0x13954d1f,
                                               0x4ab6e91a, 0x35f9e395, 0x2499957d, 0xeea8217d, 0x8c11e32f,
                                               0xf597a986, 0x1fa419e8, 0xe2d4318f};
  for (const std::uint32_t word : expected) CHECK(words.word() == word);  // 18 words: into the second block
  key_stream numbers(key);
  std::array<std::uint32_t, 12> order{};
  numbers.permutation(order);
  CHECK(order == std::array<std::uint32_t, 12>{7, 2, 11, 0, 6, 9, 5, 4, 10, 1, 3, 8});
  std::array<float, 8> signs{};
  numbers.signs(signs);
  CHECK(signs == std::array<float, 8>{-1, 1, -1, 1, -1, 1, 1, -1});
  const std::vector<std::uint32_t> digits = {3, 9, 1, 4, 2, 5, 9, 3, 3, 9, 3, 9};
  for (const std::uint32_t digit : digits) CHECK(numbers.below(10) == digit);
}

TEST_CASE("another purpose, layer, nonce or master gives another key") {
  const auto of = [](std::string_view purpose, std::string_view layer, std::byte first) {
    const std::array<std::byte, 1> nonce = {first};
    return derive(counted(), {purpose, layer, nonce});
  };
  const secret_bytes one = of("rotate", "conv1", std::byte{0});
  CHECK(one == of("rotate", "conv1", std::byte{0}));
  CHECK_FALSE(one == of("seal", "conv1", std::byte{0}));
  CHECK_FALSE(one == of("rotate", "conv2", std::byte{0}));
  CHECK_FALSE(one == of("rotate", "conv1", std::byte{1}));
  CHECK_FALSE(one == derive(draw_master_key(), {"rotate", "conv1"}));
  CHECK_FALSE(draw_master_key() == draw_master_key());
  const std::array<std::byte, 31> few{};
  check_refused([&] { (void)master_key(few); }, "derive.102");
}

TEST_CASE("bounded numbers are all as likely") {
  key_stream numbers(derive(counted(), {"counting"}));
  std::array<int, 7> found{};
  for (int i = 0; i < 70000; ++i) ++found[numbers.below(7)];
  for (const int count : found) CHECK(std::abs(count - 10000) < 500);  // five deviations of 93
}
