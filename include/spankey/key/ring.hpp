// The owner's ring: one secret, and who was given a key that follows from it.
//
//   customer   name, serial, nonce, day of issue, last day, generation, what he was given, note, revoked or not
//   z          standardised coefficients of a span key at one site, from
//              derive(master, "span key", site, network | generation | serial | nonce)        (key/portable_numbers.hpp)
// The serial counts up and the nonce is drawn, so no two keys have the same z; what one customer has tells nothing of
// another's. A rotation begins a new generation, of the same network or of another one, and makes every key before it old. The
// ring's file: checkpoint/ring_file.hpp.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/key/derivation.hpp"
#include "spankey/key/portable_numbers.hpp"
#include "spankey/key/recipient.hpp"
#include "spankey/key/revocation_list.hpp"
#include "spankey/key/sealed_key_file.hpp"

namespace spankey {

/// What the ring keeps of a customer. His key is not among it: it follows.
struct ring_customer {
  std::string name{}, note{};
  std::uint64_t serial = 0;
  std::array<std::byte, 16> nonce{};
  std::uint64_t network = 0;  // fingerprint
  day_number issued = 0, expires = 0;
  std::uint32_t generation = 0;
  key_payload payload = key_payload::span;
  bool revoked = false;
};

/// Letters that a name and a note may have.
inline constexpr std::size_t most_name_bytes = 200, most_note_bytes = 1000;
/// Customers of a ring.
inline constexpr std::size_t most_customers = 1U << 20;

class key_ring {
 public:
  /// A new ring, with a drawn secret, for the network of this fingerprint.
  explicit key_ring(std::uint64_t network) : master_(draw_master_key()), network_(network) {}
  /// One that was kept. Fails with ring.105 where it contradicts itself: a serial or a name twice, or of a generation to come.
  key_ring(const master_key& master, std::uint64_t network, std::uint32_t generation,
           std::uint64_t next_serial, std::vector<ring_customer> customers)
      : master_(master.bytes()),
        network_(network),
        generation_(generation),
        next_serial_(next_serial),
        customers_(std::move(customers)) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < customers_.size(); ++i) {
      const ring_customer& c = customers_[i];
      names.push_back(c.name);
      const bool ascends = c.serial > 0 && (i == 0 || customers_[i - 1].serial < c.serial);
      if (!ascends || c.serial >= next_serial || c.generation > generation || c.generation == 0 ||
          c.network == 0)
        contradicts(c.serial);
    }
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end() || network == 0 || generation == 0)
      contradicts(0);
  }

  [[nodiscard]] const master_key& master() const { return *master_; }
  [[nodiscard]] std::uint64_t network() const { return network_; }
  /// Of keys that are issued now; from 1.
  [[nodiscard]] std::uint32_t generation() const { return generation_; }
  [[nodiscard]] std::uint64_t next_serial() const { return next_serial_; }
  [[nodiscard]] std::span<const ring_customer> customers() const { return customers_; }

  /// Enters a customer: of `who` count name, note, the days and the payload. The result is good until the next one. Fails with
  /// ring.101 where the name is taken, ring.102 where it is empty or too long or not on one line, as the note may not be
  /// either, ring.106 where the last day is before the day of issue,
  /// ring.107 where there are too many.
  const ring_customer& issue(ring_customer who) {
    require_text("name", who.name, 1, most_name_bytes);
    require_text("note", who.note, 0, most_note_bytes);
    if (find(who.name) != nullptr)
      fail("ring.101", who.name, "has a key already, expected a name that is free");
    if (who.expires != 0 && who.expires < who.issued)
      fail("ring.106", who.name, "expected a last day that is not before the day of issue");
    if (customers_.size() == most_customers) fail("ring.107", "ring", "holds ", most_customers, " customers");
    who.serial = next_serial_++, who.generation = generation_, who.network = network_, who.revoked = false;
    draw_nonce(who.nonce);
    return customers_.emplace_back(std::move(who));
  }
  /// Fails with ring.103 where nobody has the name.
  [[nodiscard]] const ring_customer& named(std::string_view name) const {
    const ring_customer* const found = find(name);
    if (found == nullptr) fail("ring.103", name, "is no customer of this ring");
    return *found;
  }
  /// Fails with ring.103, and with ring.104 where that has happened before.
  void revoke(std::string_view name) {
    const auto at = static_cast<std::size_t>(&named(name) - customers_.data());
    if (customers_[at].revoked) fail("ring.104", name, "is revoked already");
    customers_[at].revoked = true;
  }
  /// Begins a new generation of keys.
  void rotate(std::uint64_t network) {
    network_ = network;
    ++generation_;
  }

  /// The file of what sessions turn away: this generation and later, but for those who are revoked.
  [[nodiscard]] std::vector<std::byte> revocations() const {
    std::vector<std::uint64_t> serials;
    for (const ring_customer& c : customers_)
      if (c.revoked && c.generation == generation_) serials.push_back(c.serial);
    const revocation_list_header header{.count = static_cast<std::uint32_t>(serials.size()),
                                        .network = network_,
                                        .bytes = revocation_list::bytes_of(serials.size()),
                                        .generation = generation_};
    std::vector<std::byte> file(static_cast<std::size_t>(header.bytes));
    std::memcpy(file.data(), &header, sizeof header);
    if (!serials.empty())
      std::memcpy(file.data() + sizeof header, serials.data(), serials.size() * sizeof(std::uint64_t));
    const std::size_t covered = file.size() - sizeof(std::uint64_t);
    const std::uint64_t checksum = word_checksum(file.data(), covered);
    std::memcpy(file.data() + covered, &checksum, sizeof checksum);
    return file;
  }

 private:
  [[noreturn]] static void contradicts(std::uint64_t serial) {
    fail("ring.105", "ring", "contradicts itself at serial ", serial);
  }
  static void require_text(const char* what, const std::string& text, std::size_t least, std::size_t most) {
    const bool plain = std::all_of(text.begin(), text.end(),
                                   [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
    if (text.size() < least || text.size() > most || !plain)
      fail("ring.102", what, "found ", text.size(), " bytes, expected ", least, " to ", most, " on one line");
  }
  static void draw_nonce(std::array<std::byte, 16>& to) {
    const secret_bytes drawn = draw_master_key();
    std::copy_n(drawn.bytes().begin(), to.size(), to.begin());
  }
  [[nodiscard]] const ring_customer* find(std::string_view name) const {
    const auto found = std::find_if(customers_.begin(), customers_.end(),
                                    [&](const ring_customer& c) { return c.name == name; });
    return found == customers_.end() ? nullptr : &*found;
  }

  guarded<secret_bytes> master_;
  std::uint64_t network_;
  std::uint32_t generation_ = 1;
  std::uint64_t next_serial_ = 1;
  std::vector<ring_customer> customers_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
