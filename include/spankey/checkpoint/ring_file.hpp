// The owner's ring as a file of his own: all of it sealed under his passphrase, readable by its owner only, written whole or not
// at all. docs/key_files.md has the layout byte by byte.
//
//   header (48 bytes) | nonce (24) | ciphertext | tag (16) | checksum (8)
//   ciphertext, tag = XChaCha20-Poly1305 under Argon2id(passphrase, salt; passes, kib); associated data: the header
// The costs stand in the header. An open ring keeps the 32 bytes, so that saving it again asks nobody. An older copy of the file
// is as good as a new one: who can put it back brings back its customers.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/key/ring.hpp"
#include "spankey/key/sealed_key.hpp"

namespace spankey {

/// The first bytes of a ring's file. No padding.
struct ring_file_header {
  static constexpr std::array<char, 8> format = {'S', 'P', 'A', 'N', 'K', 'E', 'Y', 'O'};
  std::array<char, 8> magic = format;
  std::uint32_t version = 1;
  std::uint32_t passes = 0, kib = 0;
  std::uint32_t reserved = 0;
  std::uint64_t bytes = 0;  // of the whole file
  passphrase_salt salt{};
};
static_assert(sizeof(ring_file_header) == 48 && std::is_trivially_copyable_v<ring_file_header>);

/// Larger ring files are refused.
inline constexpr index_t ring_file_cap = index_t{1} << 28;

/// A ring, and what its file is sealed with.
class open_ring {
 public:
  /// A new one, for the network of this fingerprint. Fails with sealed_key.109.
  open_ring(std::uint64_t network, std::span<const std::byte> passphrase, const passphrase_cost& cost)
      : ring(network),
        salt_(draw_salt()),
        cost_(cost),
        key_(passphrase_key(passphrase, salt_, cost).bytes()) {}
  /// From the bytes of a file, `where` being its name. Fails with ring.111 no ring, ring.112 of a later version, ring.113 damaged,
  /// ring.114 where the passphrase does not open it, ring.105 where it contradicts itself, sealed_key.109.
  static open_ring read(std::span<const std::byte> file, std::span<const std::byte> passphrase,
                        const std::string& where) {
    const ring_file_header header = checked_header(file, where);
    guarded<secret_bytes> key(passphrase_key(passphrase, header.salt, {header.passes, header.kib}).bytes());
    const auto sealed = file.subspan(sizeof header, file.size() - sizeof header - sizeof(std::uint64_t));
    const std::optional<secret_vector<std::byte>> inside =
        opened(sealed, as_text(file.first(sizeof header)), *key);
    if (!inside)
      fail("ring.114", where, "does not open: expected its passphrase, and that nobody changed the file");
    return {header, std::move(key), ring_in(*inside, where)};
  }
  /// The same from a file. Errors as well: io.101 to io.105.
  static open_ring load(const std::string& path, std::span<const std::byte> passphrase) {
    input_file input(path);
    if (input.size() > ring_file_cap)
      fail("io.105", input.name(), "expected at most ", ring_file_cap, " bytes, found ", input.size());
    std::vector<std::byte> bytes(static_cast<std::size_t>(input.size()));
    input.read(bytes.data(), input.size());
    return read(bytes, passphrase, input.name());
  }

  /// The bytes of its file, under a new nonce.
  [[nodiscard]] std::vector<std::byte> bytes() const {
    const secret_vector<std::byte> inside = contents();
    ring_file_header header{.passes = cost_.passes, .kib = cost_.kib, .salt = salt_};
    const std::size_t unpadded = sizeof header + inside.size() + sealed_overhead;
    header.bytes = unpadded + sizeof(std::uint64_t);
    std::vector<std::byte> file(sizeof header);
    std::memcpy(file.data(), &header, sizeof header);
    const std::vector<std::byte> sealed = seal(inside, as_text(file), *key_);
    file.insert(file.end(), sealed.begin(), sealed.end());
    const std::uint64_t checksum = word_checksum(file.data(), file.size());
    file.resize(file.size() + sizeof checksum);
    std::memcpy(file.data() + unpadded, &checksum, sizeof checksum);
    return file;
  }
  /// Writes it with mode 0600, whole or not at all, over what was there. Errors: io.111 to io.115.
  void save(const std::string& path) const {
    const std::vector<std::byte> file = bytes();
    write_file_atomically(path, std::span<const std::byte>(file), file_mode::secret);
  }
  /// The same of a new ring. Fails as well with io.117 where the name is taken: an older ring is not to be lost.
  void save_new(const std::string& path) const {
    require_new_name(path);
    save(path);
  }

  key_ring ring;

 private:
  // Of one customer, before his name and his note; no padding.
  struct stored_customer {
    std::uint64_t serial = 0, network = 0;
    std::array<std::byte, 16> nonce{};
    std::uint32_t issued = 0, expires = 0, generation = 0, payload = 0, revoked = 0;
    std::uint32_t name_bytes = 0, note_bytes = 0, reserved = 0;
  };
  static_assert(sizeof(stored_customer) == 64 && std::is_trivially_copyable_v<stored_customer>);
  // What stands before the customers.
  struct stored_ring {
    std::array<std::byte, secret_bytes::size> master{};
    std::uint64_t network = 0, next_serial = 0;
    std::uint32_t generation = 0, customers = 0;
  };
  static_assert(sizeof(stored_ring) == 56 && std::is_trivially_copyable_v<stored_ring>);

  open_ring(const ring_file_header& header, guarded<secret_bytes> key, key_ring from)
      : ring(std::move(from)), salt_(header.salt), cost_{header.passes, header.kib}, key_(std::move(key)) {}

  static ring_file_header checked_header(std::span<const std::byte> file, const std::string& where) {
    ring_file_header header;
    if (file.size() < sizeof header.magic ||
        std::memcmp(file.data(), header.magic.data(), sizeof header.magic) != 0)
      fail("ring.111", where, "expected a key ring, found bytes that do not begin as one does");
    const auto damaged = [&] {
      fail("ring.113", where, "expected a key ring as it was written, found it damaged: ", file.size(),
           " bytes");
    };
    if (file.size() < sizeof header) damaged();
    std::memcpy(&header, file.data(), sizeof header);
    if (header.version > 1) fail("ring.112", where, "expected version 1, found ", header.version);
    constexpr std::size_t least = sizeof header + sealed_overhead + sizeof(stored_ring) + 8;
    if (header.version == 0 || file.size() < least || file.size() % 4 != 0 || header.bytes != file.size())
      damaged();
    std::uint64_t checksum;
    std::memcpy(&checksum, file.data() + file.size() - sizeof checksum, sizeof checksum);
    if (checksum != word_checksum(file.data(), file.size() - sizeof checksum)) damaged();
    if (!are_paid(header.passes, header.kib)) damaged();
    return header;
  }

  [[nodiscard]] secret_vector<std::byte> contents() const {
    secret_vector<std::byte> inside;
    const auto append = [&](const void* from, std::size_t bytes) {
      const auto* const first = static_cast<const std::byte*>(from);
      inside.insert(inside.end(), first, first + bytes);
    };
    append(ring.master().data(), secret_bytes::size);
    const std::uint64_t numbers[] = {ring.network(), ring.next_serial()};
    append(numbers, sizeof numbers);
    const std::uint32_t counts[] = {ring.generation(), static_cast<std::uint32_t>(ring.customers().size())};
    append(counts, sizeof counts);
    for (const ring_customer& c : ring.customers()) {
      const stored_customer stored{.serial = c.serial,
                                   .network = c.network,
                                   .nonce = c.nonce,
                                   .issued = c.issued,
                                   .expires = c.expires,
                                   .generation = c.generation,
                                   .payload = static_cast<std::uint32_t>(c.payload),
                                   .revoked = c.revoked ? 1U : 0U,
                                   .name_bytes = static_cast<std::uint32_t>(c.name.size()),
                                   .note_bytes = static_cast<std::uint32_t>(c.note.size())};
      append(&stored, sizeof stored);
      append(c.name.data(), c.name.size());
      append(c.note.data(), c.note.size());
      inside.resize((inside.size() + 3) / 4 * 4);
    }
    return inside;
  }
  static key_ring ring_in(const secret_vector<std::byte>& inside, const std::string& where) {
    std::size_t at = 0;
    const auto take = [&](void* to, std::size_t bytes) {
      if (bytes > inside.size() - at)
        fail("ring.105", where, "expected ", bytes, " more bytes at ", at, ", found its end");
      if (bytes != 0) std::memcpy(to, inside.data() + at, bytes);
      at += bytes;
    };
    const master_key master{std::span<const std::byte>(inside).first(secret_bytes::size)};
    stored_ring head;
    at = secret_bytes::size;
    take(&head.network, sizeof(stored_ring) - secret_bytes::size);
    std::vector<ring_customer> customers;
    for (std::uint32_t i = 0; i < head.customers; ++i) {
      stored_customer stored;
      take(&stored, sizeof stored);
      if (stored.name_bytes > most_name_bytes || stored.note_bytes > most_note_bytes || stored.payload < 1 ||
          stored.payload > 3 || stored.revoked > 1)
        fail("ring.105", where, "found a customer that no ring enters, at byte ", at);
      ring_customer& c = customers.emplace_back(ring_customer{.serial = stored.serial,
                                                              .nonce = stored.nonce,
                                                              .network = stored.network,
                                                              .issued = stored.issued,
                                                              .expires = stored.expires,
                                                              .generation = stored.generation,
                                                              .payload = key_payload{stored.payload},
                                                              .revoked = stored.revoked == 1});
      c.name.resize(stored.name_bytes), c.note.resize(stored.note_bytes);
      take(c.name.data(), c.name.size());
      take(c.note.data(), c.note.size());
      at = std::min(inside.size(), (at + 3) / 4 * 4);
    }
    if (at != inside.size()) fail("ring.105", where, "found ", inside.size() - at, " bytes behind its end");
    return {master, head.network, head.generation, head.next_serial, std::move(customers)};
  }

  passphrase_salt salt_;
  passphrase_cost cost_;
  guarded<secret_bytes> key_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
