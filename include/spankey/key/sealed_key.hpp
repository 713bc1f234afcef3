// Seals a customer's key and opens it, with errors in words. The file, and its reader without a heap: key/sealed_key_file.hpp.
//
//   recipient    what it is made of                        what opens the file
//   passphrase   a passphrase, costs of Argon2id           the passphrase
//   box          the 32 bytes of an X25519 public key      the secret of that key
//   device       32 bytes that a device keeps              the same
// Nothing of a payload or a secret stands in an error.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/key/key_file.hpp"
#include "spankey/key/recipient.hpp"
#include "spankey/key/sealed_bytes.hpp"
#include "spankey/key/sealed_key_file.hpp"

namespace spankey {

/// Whom a key is sealed to; one of the three, by a function of its name.
class sealed_key_target {
 public:
  /// Fails as passphrase_key does.
  static sealed_key_target passphrase(std::span<const std::byte> text, const passphrase_cost& cost = {}) {
    const passphrase_salt salt = draw_salt();
    sealed_key_target made(key_recipient::passphrase, passphrase_key(text, salt, cost));
    made.header_.passes = cost.passes, made.header_.kib = cost.kib, made.header_.salt = salt;
    return made;
  }
  /// Fails with sealed_key.110 where it is none.
  static sealed_key_target of_public_key(const public_key& receiver) {
    const secret_bytes drawn = draw_master_key();
    const public_key sender = public_key_of(drawn);
    sealed_key_target made(key_recipient::box, agreed_key(drawn, receiver, sender, receiver));
    made.header_.sender = sender;
    return made;
  }
  static sealed_key_target device(secret_bytes own) { return {key_recipient::device, std::move(own)}; }

 private:
  friend std::vector<std::byte> seal_key(std::span<const std::byte>, sealed_key_header,
                                         const sealed_key_target&);
  sealed_key_target(key_recipient kind, secret_bytes key) : key_(std::move(key)) { header_.recipient = kind; }

  sealed_key_header header_;  // what it says of the recipient
  secret_bytes key_;
};

/// What opens sealed keys; one of the three.
struct sealed_key_secret {
  key_recipient kind = key_recipient::device;
  secret_vector<std::byte> passphrase{};
  secret_bytes key{};  // of X25519, or a device's
};

/// The header's bytes, as the seal has them beside it.
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The bytes of a sealed key's file. Of `what` counts: payload, network, serial, generation, issued, expires. Fails with
/// sealed_key.111 where the payload is none of its kind, or a field is what readers refuse.
inline std::vector<std::byte> seal_key(std::span<const std::byte> payload, sealed_key_header what,
                                       const sealed_key_target& to) {
  what.recipient = to.header_.recipient, what.passes = to.header_.passes, what.kib = to.header_.kib;
  what.salt = to.header_.salt, what.sender = to.header_.sender;
  what.bytes = payload.size() + sealed_key_file::overhead;
  std::vector<std::byte> file(sizeof what);
  std::memcpy(file.data(), &what, sizeof what);
  const std::vector<std::byte> sealed = seal(payload, as_text(file), to.key_);
  file.insert(file.end(), sealed.begin(), sealed.end());
  file.resize((file.size() + 3) / 4 * 4);
  const std::uint64_t checksum = word_checksum(file.data(), file.size());
  const auto* const bytes = reinterpret_cast<const std::byte*>(&checksum);
  file.insert(file.end(), bytes, bytes + sizeof checksum);
  sealed_key_file written;
  key_file inside;
  bool fits = written.read(file) == sealed_key_state::ok;
  if (fits && what.payload == key_payload::span)
    fits = inside.read(payload) == key_file_state::ok && inside.network() == what.network &&
           inside.number() == what.serial;
  if (!fits)
    fail("sealed_key.111", "seal_key",
         "expected a payload of its kind, for the network and with the serial that the header names, found ",
         payload.size(), " bytes");
  return file;
}

/// What each state is called in an error: sealed_key.101 not a sealed key, .102 of a later version, .103 damaged, .104 of another
/// network, .105 expired, .106 issued before the last rotation, .107 revoked, .108 not opened.
inline void require_sealed_key(sealed_key_state found, const std::string& where,
                               const sealed_key_header& header = {}) {
  const auto text = [](day_number day) {
    const std::array<char, 10> letters = text_of_day(day);
    return std::string(letters.data(), letters.size());
  };
  switch (found) {
    case sealed_key_state::ok:
      return;
    case sealed_key_state::foreign:
      fail("sealed_key.101", where, "expected a sealed key, found bytes that do not begin as one does");
    case sealed_key_state::newer:
      fail("sealed_key.102", where, "expected a sealed key of version 1, found one of a later version");
    case sealed_key_state::other_network:
      fail("sealed_key.104", where, "expected a key of this network, found one that was issued for another");
    case sealed_key_state::expired:
      fail("sealed_key.105", where, "found a key that counts from ", text(header.issued), " to ",
           header.expires == 0 ? std::string("any day") : text(header.expires), ", which today is not");
    case sealed_key_state::old_generation:
      fail("sealed_key.106", where, "found a key of generation ", header.generation,
           ", which was issued before the last rotation");
    case sealed_key_state::revoked:
      fail("sealed_key.107", where, "found the key with serial ", header.serial, ", which is revoked");
    case sealed_key_state::not_opened:
      fail("sealed_key.108", where,
           "does not open: expected its recipient's passphrase or key, and that nobody changed the file");
    case sealed_key_state::damaged:
    case sealed_key_state::no_room:
      break;
  }
  fail("sealed_key.103", where, "expected a sealed key as it was written, found it damaged");
}

/// Looks at a whole file, `where` being its name; the bytes must outlive the result. Fails with sealed_key.101 to .103.
inline sealed_key_file read_sealed_key(std::span<const std::byte> bytes, const std::string& where) {
  sealed_key_file file;
  require_sealed_key(file.read(bytes), where);
  return file;
}

/// The payload. Fails with sealed_key.108 where the secret is not the recipient's, .109 and .110 where Argon2id or X25519
/// refuse, .112 where the recipient is of another kind than the secret, .103 where what a known key sealed is no payload.
inline secret_vector<std::byte> open_sealed_key(const sealed_key_file& file, const sealed_key_secret& secret,
                                                const std::string& where) {
  const sealed_key_header& h = file.header();
  constexpr std::array<std::string_view, 3> needs{"a passphrase", "the secret of a public key",
                                                  "a device's 32 bytes"};
  if (secret.kind != h.recipient)
    fail("sealed_key.112", where, "is sealed to what ", needs[static_cast<std::size_t>(h.recipient) - 1],
         " opens, found ", needs[static_cast<std::size_t>(secret.kind) - 1]);
  secret_bytes key = secret.key;
  if (h.recipient == key_recipient::passphrase) {
    key = passphrase_key(secret.passphrase, h.salt, {h.passes, h.kib});
  } else if (h.recipient == key_recipient::box) {
    key = agreed_key(secret.key, h.sender, h.sender, public_key_of(secret.key));
  }
  secret_vector<std::byte> payload(file.payload_bytes());
  require_sealed_key(file.open(xchacha20_cipher(), key.bytes(), payload), where);
  if (h.payload == key_payload::span) {
    key_file inside;
    if (inside.read(payload) != key_file_state::ok || inside.network() != h.network ||
        inside.number() != h.serial)
      fail("sealed_key.103", where, "opened, but holds no key of the network and serial in its header");
  }
  return payload;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
