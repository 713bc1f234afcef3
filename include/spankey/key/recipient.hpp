// From what a recipient has to the 32 bytes that seal a key for him, by libsodium; and memory for secrets that live long.
//
//   passphrase   Argon2id(passphrase, salt; passes, kib)
//   X25519       HMAC-SHA256(X25519(a drawn secret, public key), "spankey/v1|sealed-box||" drawn public key, public key)
//   device       its own 32 bytes, as they are
// A passphrase is worth its guesses: the costs stand in the file, so that they can grow. In no umbrella: a program that
// includes it links libsodium.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <sodium.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "spankey/core/error.hpp"
#include "spankey/key/derivation.hpp"
#include "spankey/key/sealed_key_file.hpp"

namespace spankey {

/// What one guess of a passphrase costs: passes over so many KiB of memory. As it is, half a second and 256 MiB.
struct passphrase_cost {
  std::uint32_t passes = 3, kib = 262144;
};

/// Fails with sealed_key.109 for costs that no reader pays (key/sealed_key_file.hpp).
inline const passphrase_cost& require_cost(const passphrase_cost& cost) {
  if (!are_paid(cost.passes, cost.kib))
    fail("sealed_key.109", "Argon2id", "found ", cost.passes, " passes over ", cost.kib,
         " KiB, expected 1 to ", most_passes, " over ", least_kib, " to ", most_kib);
  return cost;
}

using passphrase_salt = std::array<std::byte, 16>;

inline passphrase_salt draw_salt() {
  static_assert(crypto_pwhash_argon2id_SALTBYTES == std::tuple_size_v<passphrase_salt>);
  prepare_sodium();
  passphrase_salt salt;
  randombytes_buf(salt.data(), salt.size());
  return salt;
}

/// Fails as require_cost, and with sealed_key.109 where there is not so much memory.
inline secret_bytes passphrase_key(std::span<const std::byte> passphrase, const passphrase_salt& salt,
                                   const passphrase_cost& cost) {
  require_cost(cost);
  prepare_sodium();
  secret_bytes key;
  const char* const text = passphrase.empty() ? "" : reinterpret_cast<const char*>(passphrase.data());
  const int said =
      crypto_pwhash_argon2id(key.data(), secret_bytes::size, text, passphrase.size(),
                             reinterpret_cast<const unsigned char*>(salt.data()), cost.passes,
                             std::size_t{cost.kib} * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13);
  sodium_stackzero(16384);  // where its functions were, the key still is
  if (said != 0)
    fail("sealed_key.109", "Argon2id", "cannot make ", cost.passes, " passes over ", cost.kib,
         " KiB, expected as much memory");
  return key;
}

using public_key = std::array<std::byte, 32>;

/// Of a secret of X25519; any 32 bytes are one.
inline public_key public_key_of(const secret_bytes& secret) {
  static_assert(crypto_scalarmult_curve25519_BYTES == std::tuple_size_v<public_key>);
  public_key made;
  crypto_scalarmult_curve25519_base(reinterpret_cast<unsigned char*>(made.data()), secret.data());
  return made;
}

/// The 32 bytes that the owners of both keys agree on, for the file whose sender's key was drawn. Fails with sealed_key.110 where
/// `other` is no public key: a point that agrees with everybody.
inline secret_bytes agreed_key(const secret_bytes& own, const public_key& other, const public_key& sender,
                               const public_key& receiver) {
  secret_bytes shared;
  if (crypto_scalarmult_curve25519(shared.data(), own.data(),
                                   reinterpret_cast<const unsigned char*>(other.data())) != 0)
    fail("sealed_key.110", "X25519", "expected a public key, found one of the few points that are none");
  std::array<std::byte, 64> both;
  std::memcpy(both.data(), sender.data(), sender.size());
  std::memcpy(both.data() + sender.size(), receiver.data(), receiver.size());
  return derive(shared, {.purpose = "sealed-box", .nonce = both});
}

/// A value in pages of its own, between pages that nobody may touch: kept out of swap and of core dumps where the system
/// allows it, and wiped when it goes.
template <class T>
class guarded {
 public:
  /// Fails with derive.103 where there is no memory for it.
  template <class... Values>
  explicit guarded(Values&&... values) {
    prepare_sodium();
    void* const memory = sodium_malloc(padded);
    if (memory == nullptr) fail("derive.103", "guarded memory", "cannot reserve ", padded, " bytes");
    value_ = ::new (memory) T(std::forward<Values>(values)...);
  }
  guarded(guarded&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  guarded& operator=(guarded&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~guarded() {
    if (value_ == nullptr) return;
    std::destroy_at(value_);
    sodium_free(value_);
  }
  [[nodiscard]] const T& operator*() const { return *value_; }
  [[nodiscard]] const T* operator->() const { return value_; }

 private:
  // libsodium puts the end of what it gives at the end of a page: a multiple of the alignment keeps the beginning aligned.
  static constexpr std::size_t padded = (sizeof(T) + 63) / 64 * 64;
  static_assert(alignof(T) <= 64);

  T* value_ = nullptr;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
