// A customer's key, sealed: what it is and for whom stands in the clear, the key itself opens to its recipient alone. Read in
// place: no heap, no exception, bytes at any alignment, and no cipher of its own, so that firmware brings the one it has.
// docs/key_files.md has the layout byte by byte.
//
//   header (128 bytes) | nonce (24) | ciphertext | tag (16) | checksum (8)
//   ciphertext, tag = XChaCha20-Poly1305 of the payload under the recipient's 32 bytes; associated data: the whole header
// The checksum tells damage from a wrong key without asking for any key; it is no defence, the tag is. Of a payload of n bytes
// the file has n + 176, and opening needs n bytes of the caller's memory. Writing, and errors with words: key/sealed_key.hpp.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "spankey/core/secret.hpp"
#include "spankey/core/word_checksum.hpp"
#include "spankey/key/day.hpp"
#include "spankey/key/revocation_list.hpp"

namespace spankey {

static_assert(std::endian::native == std::endian::little,
              "SpanKey: sealed keys are little endian, and are read in place");

/// What a sealed key holds: a key file of kind 1 (key/key_file.hpp); the 32 bytes of a lock's master key; a role of K-OTG,
/// its number (4 bytes) and the 16 letters of its key text.
enum class key_payload : std::uint32_t { span = 1, master = 2, role = 3 };

/// Whose 32 bytes open it: Argon2id's of a passphrase, those that X25519 agrees on, or a device's own.
enum class key_recipient : std::uint32_t { passphrase = 1, box = 2, device = 3 };

/// The first bytes of the file, all of them authenticated. No padding, so that it may be copied from and to bytes.
struct sealed_key_header {
  static constexpr std::array<char, 8> format = {'S', 'P', 'A', 'N', 'K', 'E', 'Y', 'S'};
  std::array<char, 8> magic = format;
  std::uint32_t version = 1;
  key_payload payload = key_payload::span;
  std::uint64_t network = 0;  // fingerprint (infer/fingerprint.hpp)
  std::uint64_t serial = 0;   // of the customer's key in its owner's ring
  std::uint64_t bytes = 0;    // of the whole file
  key_recipient recipient = key_recipient::device;
  std::uint32_t generation = 0;        // of the ring, when it was issued
  day_number issued = 0, expires = 0;  // the last day that it counts; 0: without an end
  std::uint32_t passes = 0, kib = 0;   // Argon2id's costs, and its salt: of a passphrase, else 0
  std::array<std::byte, 16> salt{};    //
  std::array<std::byte, 32> sender{};  // the public key that was drawn for this file: of a public key, else 0
  std::array<std::byte, 16> reserved{};
};
static_assert(sizeof(sealed_key_header) == 128 && std::is_trivially_copyable_v<sealed_key_header>);

/// Costs of a passphrase that a reader pays at most: some ten seconds, and 1 GiB, for a file from anybody.
inline constexpr std::uint32_t most_passes = 16, least_kib = 8, most_kib = 1U << 20;

/// Whether readers pay a passphrase's costs.
constexpr bool are_paid(std::uint32_t passes, std::uint32_t kib) {
  return passes >= 1 && passes <= most_passes && kib >= least_kib && kib <= most_kib;
}

enum class [[nodiscard]] sealed_key_state{
    ok,
    foreign,         // not a sealed key
    newer,           // of a later version, or with a payload or a recipient that came later
    damaged,         // cut, longer, or some byte is not as it was written
    other_network,   // issued for another network, or the revocation list is another network's
    expired,         // its last day is over, or the clock stands before the day of its issue
    old_generation,  // issued before the last rotation
    revoked,         // the list names it
    not_opened,  // by these 32 bytes: another recipient's, or the file was changed by somebody who made its checksum fit
    no_room,  // less memory than payload_bytes()
};

/// What a key has to be, besides sound, to be taken.
struct key_conditions {
  std::uint64_t network = 0;  // 0: any
  day_number today = 0;       // 0: without a clock no key expires
  std::uint32_t least_generation = 0;
  const revocation_list* revoked = nullptr;  // whose generation counts, too
};

/// Opens `sealed` (nonce, ciphertext, tag) under 32 bytes into `out`, as long as the ciphertext; false, where the tag does not
/// fit them and `about`.
template <class C>
concept KeyCipher = requires(const C& cipher, std::span<const std::byte> sealed,
                             std::span<const std::byte> about, std::span<const std::byte> key,
                             std::span<std::byte> out) {
  { cipher(sealed, about, key, out) } -> std::same_as<bool>;
};

/// A view of the file's bytes, which must outlive it.
class sealed_key_file {
 public:
  static constexpr std::size_t nonce_bytes = 24, tag_bytes = 16, key_bytes = 32;
  /// How many bytes more than its payload a file has.
  static constexpr std::size_t overhead =
      sizeof(sealed_key_header) + nonce_bytes + tag_bytes + sizeof(std::uint64_t);

  /// Takes the bytes, and looks at every one of them. Everything else may be called after ok only.
  sealed_key_state read(std::span<const std::byte> file) {
    file_ = {}, header_ = {};
    sealed_key_header header;
    if (!begins_as_one(file)) return sealed_key_state::foreign;
    if (file.size() < sizeof header) return sealed_key_state::damaged;
    std::memcpy(&header, file.data(), sizeof header);
    if (header.version != 1) return header.version == 0 ? sealed_key_state::damaged : sealed_key_state::newer;
    if (header.bytes != file.size() || file.size() % 4 != 0 || file.size() <= overhead)
      return sealed_key_state::damaged;
    std::uint64_t checksum;
    const std::size_t covered = file.size() - sizeof checksum;
    std::memcpy(&checksum, file.data() + covered, sizeof checksum);
    if (checksum != word_checksum(file.data(), covered)) return sealed_key_state::damaged;
    if (!is_known(header)) return sealed_key_state::newer;
    if (!fits(header, file.size() - overhead)) return sealed_key_state::damaged;
    file_ = file, header_ = header;
    return sealed_key_state::ok;
  }
  /// Whether bytes are meant to be a sealed key, sound or not.
  static bool begins_as_one(std::span<const std::byte> file) {
    return file.size() >= sealed_key_header::format.size() &&
           std::memcmp(file.data(), sealed_key_header::format.data(), sealed_key_header::format.size()) == 0;
  }

  [[nodiscard]] const sealed_key_header& header() const { return header_; }
  [[nodiscard]] std::size_t payload_bytes() const { return file_.size() - overhead; }
  /// The header's bytes: the associated data of the seal.
  [[nodiscard]] std::span<const std::byte> about() const { return file_.first(sizeof(sealed_key_header)); }
  /// Nonce, ciphertext and tag.
  [[nodiscard]] std::span<const std::byte> sealed() const {
    return file_.subspan(sizeof(sealed_key_header), nonce_bytes + payload_bytes() + tag_bytes);
  }

  /// What can be said of the header before it is opened: that is when it is known to be its writer's.
  [[nodiscard]] sealed_key_state check(const key_conditions& wanted) const {
    const bool lists = wanted.revoked != nullptr;
    if (wanted.network != 0 && header_.network != wanted.network) return sealed_key_state::other_network;
    if (lists && wanted.revoked->network() != header_.network) return sealed_key_state::other_network;
    if (header_.generation < wanted.least_generation ||
        (lists && header_.generation < wanted.revoked->generation()))
      return sealed_key_state::old_generation;
    if (lists && wanted.revoked->holds(header_.serial)) return sealed_key_state::revoked;
    // A day of grace, since not everybody's clock keeps UTC.
    if (wanted.today != 0 &&
        ((header_.expires != 0 && wanted.today > header_.expires) || wanted.today + 1 < header_.issued))
      return sealed_key_state::expired;
    return sealed_key_state::ok;
  }

  /// Opens the payload into the first payload_bytes() of `room`. Where that fails, `room` holds nothing of it.
  template <KeyCipher Cipher>
  sealed_key_state open(const Cipher& cipher, std::span<const std::byte> key,
                        std::span<std::byte> room) const {
    if (room.size() < payload_bytes()) return sealed_key_state::no_room;
    const std::span<std::byte> out = room.first(payload_bytes());
    if (key.size() == key_bytes && cipher(sealed(), about(), key, out)) return sealed_key_state::ok;
    wipe(out.data(), out.size());
    return sealed_key_state::not_opened;
  }

 private:
  static bool is_known(const sealed_key_header& h) {
    const auto known = [](auto value) {
      return static_cast<std::uint32_t>(value) >= 1 && static_cast<std::uint32_t>(value) <= 3;
    };
    return known(h.payload) && known(h.recipient);
  }
  template <std::size_t Count>
  static bool is_zero(const std::array<std::byte, Count>& bytes) {
    return bytes == std::array<std::byte, Count>{};
  }
  // What no writer makes is refused before it costs anything.
  static bool fits(const sealed_key_header& h, std::size_t payload) {
    if (h.network == 0 || h.expires > last_day || h.issued > last_day) return false;
    if (h.payload == key_payload::master && payload != 32) return false;
    if (h.payload == key_payload::role && payload != 20) return false;
    if (h.recipient == key_recipient::passphrase) {
      if (!are_paid(h.passes, h.kib)) return false;
    } else if (h.passes != 0 || h.kib != 0 || !is_zero(h.salt)) {
      return false;
    }
    return h.recipient == key_recipient::box || is_zero(h.sender);
  }

  std::span<const std::byte> file_;
  sealed_key_header header_;
};

/// All that a session needs of a sealed key: the file, the 32 bytes that open it, and memory for its payload, which is wiped
/// behind it.
struct sealed_key_opening {
  std::span<const std::byte> file, key;
  std::span<std::byte> room;
  day_number today = 0;
  std::uint32_t least_generation = 0;
  const revocation_list* revoked = nullptr;
};

}  // namespace spankey
