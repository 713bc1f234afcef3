#include "spankey/key/sealed_key.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "key/version_1_key.hpp"
#include "key/version_1_sealed_key.hpp"

using namespace spankey;
using spankey_test::check_refused;
using spankey_test::version_1_key;
using spankey_test::version_1_sealed_key;

namespace {

constexpr std::uint64_t network = 0x0123456789ABCDEFU;
constexpr passphrase_cost cheap{1, 8};

std::span<const std::byte> payload() { return std::as_bytes(std::span(version_1_key)); }
std::span<const std::byte> letters(std::string_view text) { return std::as_bytes(std::span(text)); }
secret_bytes counted(unsigned first = 0) {
  secret_bytes made;
  for (std::size_t i = 0; i < secret_bytes::size; ++i) made.data()[i] = static_cast<unsigned char>(first + i);
  return made;
}
sealed_key_header terms() {
  return {.network = network, .serial = 17, .generation = 2, .issued = 20849, .expires = 21000};
}
sealed_key_secret device(secret_bytes key) { return {.kind = key_recipient::device, .key = std::move(key)}; }
sealed_key_secret of_passphrase(std::string_view text) {
  const auto bytes = letters(text);
  return {.kind = key_recipient::passphrase, .passphrase = {bytes.begin(), bytes.end()}};
}
secret_vector<std::byte> open(std::span<const std::byte> file, const sealed_key_secret& secret) {
  return open_sealed_key(read_sealed_key(file, "file"), secret, "file");
}
bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

TEST_CASE("sealed key: what another implementation sealed opens, and is sealed alike but for its nonce") {
  const auto fixture = std::as_bytes(std::span(version_1_sealed_key));
  CHECK(same(open(fixture, device(counted())), payload()));
  const std::vector<std::byte> made = seal_key(payload(), terms(), sealed_key_target::device(counted()));
  CHECK(made.size() == fixture.size());
  CHECK(same(std::span(made).first(128), fixture.first(128)));
  CHECK_FALSE(same(made, fixture));
  CHECK(made != seal_key(payload(), terms(), sealed_key_target::device(counted())));
}

TEST_CASE("sealed key: each recipient opens his own, and nobody else's") {
  const secret_bytes bob = counted(40), eve = counted(41);
  const std::vector<std::byte> to_words =
      seal_key(payload(), terms(), sealed_key_target::passphrase(letters("correct horse"), cheap));
  const std::vector<std::byte> to_bob =
      seal_key(payload(), terms(), sealed_key_target::of_public_key(public_key_of(bob)));
  const std::vector<std::byte> to_unit = seal_key(payload(), terms(), sealed_key_target::device(bob));
  const sealed_key_secret bobs{.kind = key_recipient::box, .key = bob};
  const sealed_key_secret eves{.kind = key_recipient::box, .key = eve};
  CHECK(same(open(to_words, of_passphrase("correct horse")), payload()));
  CHECK(same(open(to_bob, bobs), payload()));
  CHECK(same(open(to_unit, device(bob)), payload()));
  check_refused([&] { (void)open(to_words, of_passphrase("correct horsf")); }, "sealed_key.108");
  check_refused([&] { (void)open(to_words, of_passphrase("")); }, "sealed_key.108");
  check_refused([&] { (void)open(to_bob, eves); }, "sealed_key.108");
  check_refused([&] { (void)open(to_unit, device(eve)); }, "sealed_key.108");
  check_refused([&] { (void)open(to_words, bobs); }, "sealed_key.112", {"passphrase", "public key"});
  check_refused([&] { (void)open(to_bob, device(bob)); }, "sealed_key.112");
  // Costs and salt are the file's.
  sealed_key_header h;
  std::memcpy(&h, to_words.data(), sizeof h);
  CHECK(h.passes == 1);
  CHECK(h.kib == 8);
  CHECK(h.salt != passphrase_salt{});
}

TEST_CASE("sealed key: a bit anywhere, with a checksum that fits again, opens nothing") {
  for (const bool to_words : {false, true}) {
    const std::vector<std::byte> file =
        seal_key(payload(), terms(),
                 to_words ? sealed_key_target::passphrase(letters("p"), cheap)
                          : sealed_key_target::of_public_key(public_key_of(counted())));
    const sealed_key_secret secret =
        to_words ? of_passphrase("p") : sealed_key_secret{.kind = key_recipient::box, .key = counted()};
    REQUIRE(same(open(file, secret), payload()));
    for (std::size_t bit = 0; bit < (file.size() - 8) * 8; ++bit) {
      const std::size_t byte = bit / 8;
      if (byte >= 128 && bit % 37 != 0) continue;         // of the body some
      if (to_words && byte >= 60 && byte < 64) continue;  // another cost, up to 1 GiB
      std::vector<std::byte> flipped = file;
      flipped[byte] ^= std::byte{1} << (bit % 8);
      const std::uint64_t checksum = word_checksum(flipped.data(), flipped.size() - 8);
      std::memcpy(flipped.data() + flipped.size() - 8, &checksum, sizeof checksum);
      const std::string id = spankey_test::id_of([&] { (void)open(flipped, secret); });
      CAPTURE(byte);
      CHECK((id == "sealed_key.101" || id == "sealed_key.102" || id == "sealed_key.103" ||
             id == "sealed_key.108" || id == "sealed_key.110" || id == "sealed_key.112"));
      if (byte >= 112) CHECK(id == "sealed_key.108");
    }
  }
}

TEST_CASE("sealed key: a master key takes 72 bytes between header and checksum, a role's key 60") {
  sealed_key_header what = terms();
  what.payload = key_payload::master;
  const secret_bytes master = counted(7);
  const std::vector<std::byte> file = seal_key(master.bytes(), what, sealed_key_target::device(counted()));
  CHECK(file.size() == 128 + 72 + 8);
  CHECK(same(open(file, device(counted())), master.bytes()));
  what.payload = key_payload::role;
  const std::vector<std::byte> role(20, std::byte{1});
  CHECK(seal_key(role, what, sealed_key_target::device(counted())).size() == 128 + 60 + 8);
}

TEST_CASE("sealed key: what is not sealed, and what no reader would take") {
  const auto refused = [](std::span<const std::byte> bytes, const sealed_key_header& what) {
    check_refused([&] { (void)seal_key(bytes, what, sealed_key_target::device(counted())); },
                  "sealed_key.111");
  };
  sealed_key_header other = terms();
  other.network ^= 1;
  refused(payload(), other);
  other = terms(), other.serial = 18;
  refused(payload(), other);
  other = terms(), other.payload = key_payload::master;
  refused(payload(), other);
  refused(payload().first(40), terms());
  refused({}, terms());
  for (const passphrase_cost cost : {passphrase_cost{0, 8}, {1, 7}, {most_passes + 1, 8}, {1, most_kib + 1}})
    check_refused([&] { (void)sealed_key_target::passphrase(letters("p"), cost); }, "sealed_key.109");
  check_refused([] { (void)sealed_key_target::of_public_key(public_key{}); }, "sealed_key.110");
}

TEST_CASE("sealed key: errors name the file and what is wrong with it") {
  const auto fixture = std::as_bytes(std::span(version_1_sealed_key));
  const sealed_key_file file = read_sealed_key(fixture, "bob.key");
  const auto refused = [&](const key_conditions& wanted, std::string_view id, std::string_view holds) {
    check_refused([&] { require_sealed_key(file.check(wanted), "bob.key", file.header()); }, id,
                  {"bob.key", holds});
  };
  refused({.network = 1}, "sealed_key.104", "another");
  refused({.today = 21001}, "sealed_key.105", "2027-01-31 to 2027-07-01");
  refused({.least_generation = 3}, "sealed_key.106", "generation 2");
  check_refused([&] { (void)read_sealed_key(fixture.first(200), "bob.key"); }, "sealed_key.103", {"bob.key"});
  check_refused([&] { (void)read_sealed_key(payload(), "bob.key"); }, "sealed_key.101", {"bob.key"});
}

TEST_CASE("guarded memory holds a value, and moves") {
  guarded<secret_bytes> first(counted(3).bytes());
  CHECK(*first == counted(3));
  guarded<secret_bytes> second(std::move(first));
  CHECK(*second == counted(3));
  CHECK(reinterpret_cast<std::uintptr_t>(&*second) % alignof(secret_bytes) == 0);
}
