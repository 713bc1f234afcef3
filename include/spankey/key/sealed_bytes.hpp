// Bytes that only a key opens, and that nobody changes unseen: XChaCha20-Poly1305 of libsodium.
//
//   sealed = nonce (24, random) | ciphertext (as long as the bytes) | tag (16)
// `about` is what the bytes belong to, a name and a shape say: it is not stored, and opening with another one fails, so
// that no part of a file can stand in another's place. In no umbrella: a program that includes it links libsodium.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <sodium.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "spankey/core/secret.hpp"
#include "spankey/key/derivation.hpp"

namespace spankey {

/// How many bytes more a sealed form has.
inline constexpr std::size_t sealed_overhead =
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES;

inline std::vector<std::byte> seal(std::span<const std::byte> bytes, std::string_view about,
                                   const secret_bytes& key) {
  static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == secret_bytes::size);
  prepare_sodium();
  std::vector<std::byte> sealed(bytes.size() + sealed_overhead);
  auto* const out = reinterpret_cast<unsigned char*>(sealed.data());
  randombytes_buf(out, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      out + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, nullptr,
      reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
      reinterpret_cast<const unsigned char*>(about.data()), about.size(), nullptr, out, key.data());
  return sealed;
}

/// The cipher of what has its memory already, as firmware has it (key/sealed_key_file.hpp): whether `sealed` opens under 32 bytes
/// with `about` beside it; then `out` is what was sealed.
struct xchacha20_cipher {
  bool operator()(std::span<const std::byte> sealed, std::span<const std::byte> about,
                  std::span<const std::byte> key, std::span<std::byte> out) const {
    if (sealed.size() < sealed_overhead || out.size() != sealed.size() - sealed_overhead ||
        key.size() != secret_bytes::size)
      return false;
    const auto bytes_of = [](std::span<const std::byte> of) {
      return reinterpret_cast<const unsigned char*>(of.data());
    };
    constexpr std::size_t nonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
               reinterpret_cast<unsigned char*>(out.data()), nullptr, nullptr, bytes_of(sealed) + nonce,
               sealed.size() - nonce, bytes_of(about), about.size(), bytes_of(sealed), bytes_of(key)) == 0;
  }
};

/// What was sealed; nothing where the key is another one, or a byte of `sealed` or `about` is.
inline std::optional<secret_vector<std::byte>> opened(std::span<const std::byte> sealed,
                                                      std::string_view about, const secret_bytes& key) {
  if (sealed.size() < sealed_overhead) return std::nullopt;
  secret_vector<std::byte> bytes(sealed.size() - sealed_overhead);
  if (!xchacha20_cipher()(sealed, std::as_bytes(std::span(about)), key.bytes(), bytes)) return std::nullopt;
  return bytes;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
