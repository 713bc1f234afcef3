// From one secret of 32 bytes all the numbers that a lock needs, the same on every machine:
//
//   key of a purpose = HMAC-SHA256(master, "spankey/v1|" purpose "|" layer "|" nonce)
//   its numbers      = ChaCha20 of that key (nonce 0, counter from 0), read as little-endian 32-bit words
// Bounded numbers by rejection, permutations by Fisher and Yates, signs from single bits, so that no floating-point
// library has a say. What one purpose, layer or nonce is given tells nothing of another. The only place of the library
// that includes libsodium besides key/sealed_bytes.hpp and key/recipient.hpp; in no umbrella: a program that includes one of
// them links libsodium.
// tests/key/derivation_test.cpp has vectors that other implementations can compare with.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <sodium.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// Fails with derive.101 where libsodium finds no source of random numbers.
inline void prepare_sodium() {
  static const bool ready = sodium_init() >= 0;
  if (!ready) fail("derive.101", "libsodium", "found no source of random numbers, expected one");
}

/// 32 secret bytes, overwritten when they go.
class secret_bytes {
 public:
  static constexpr std::size_t size = 32;

  secret_bytes() = default;
  /// Fails with derive.102 for another number of bytes.
  explicit secret_bytes(std::span<const std::byte> from) {
    if (from.size() != size)
      fail("derive.102", "secret_bytes", "found ", from.size(), " bytes, expected ", size);
    std::memcpy(bytes_.data(), from.data(), size);
  }
  secret_bytes(const secret_bytes&) = default;
  secret_bytes& operator=(const secret_bytes&) = default;
  ~secret_bytes() { wipe(bytes_.data(), size); }

  [[nodiscard]] const unsigned char* data() const { return bytes_.data(); }
  [[nodiscard]] unsigned char* data() { return bytes_.data(); }
  [[nodiscard]] std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_)); }
  /// Takes as long whatever they hold.
  friend bool operator==(const secret_bytes& a, const secret_bytes& b) {
    return sodium_memcmp(a.data(), b.data(), size) == 0;
  }

 private:
  std::array<unsigned char, size> bytes_{};
};

/// The secret that everything else of a lock follows from.
using master_key = secret_bytes;

/// A fresh one from the system's random numbers.
inline master_key draw_master_key() {
  prepare_sodium();
  master_key key;
  randombytes_buf(key.data(), master_key::size);
  return key;
}

/// What a derived key is for: an own key for every combination.
struct derivation {
  std::string_view purpose, layer{};
  std::span<const std::byte> nonce{};
};

inline secret_bytes derive(const master_key& master, const derivation& what) {
  static_assert(crypto_auth_hmacsha256_BYTES == secret_bytes::size);
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, master.data(), master_key::size);
  const auto add = [&](std::string_view text) {
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  };
  add("spankey/v1|");
  add(what.purpose);
  add("|");
  add(what.layer);
  add("|");
  add({reinterpret_cast<const char*>(what.nonce.data()), what.nonce.size()});
  secret_bytes key;
  crypto_auth_hmacsha256_final(&state, key.data());
  wipe(&state, sizeof state);
  return key;
}

/// The numbers of a derived key, one after another.
class key_stream {
 public:
  explicit key_stream(secret_bytes key) : key_(std::move(key)) {}
  key_stream(const key_stream&) = delete;
  key_stream& operator=(const key_stream&) = delete;
  ~key_stream() { wipe(block_.data(), block_.size()); }

  std::uint32_t word() {
    if (at_ == block_.size()) refill();
    std::uint32_t found = 0;
    for (int i = 3; i >= 0; --i) found = found << 8 | block_[at_ + static_cast<std::size_t>(i)];
    at_ += 4;
    return found;
  }
  /// Each of 0 to bound - 1 as likely; bound from 1.
  std::uint32_t below(std::uint32_t bound) {
    const std::uint32_t refused =
        (0U - bound) % bound;  // 2^32 modulo bound: the words below it are one set too many
    std::uint32_t found = word();
    while (found < refused) found = word();
    return found % bound;
  }
  /// to[i] = a number from 0 to to.size() - 1, each once.
  void permutation(std::span<std::uint32_t> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<std::uint32_t>(i);
    for (std::size_t i = to.size(); i > 1; --i)
      std::swap(to[i - 1], to[below(static_cast<std::uint32_t>(i))]);
  }
  /// 1 or -1 for each.
  void signs(std::span<float> to) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (i % 32 == 0) bits = word();
      to[i] = (bits >> (i % 32) & 1U) != 0 ? -1.0F : 1.0F;
    }
  }

 private:
  void refill() {
    const std::array<unsigned char, crypto_stream_chacha20_ietf_NONCEBYTES> no_nonce{};
    block_.fill(0);
    crypto_stream_chacha20_ietf_xor_ic(block_.data(), block_.data(), block_.size(), no_nonce.data(),
                                       counter_++, key_.data());
    at_ = 0;
  }

  secret_bytes key_;
  std::array<unsigned char, 64> block_{};
  std::size_t at_ = 64;
  std::uint32_t counter_ = 0;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
