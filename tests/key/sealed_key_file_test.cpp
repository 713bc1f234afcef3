#include "spankey/key/sealed_key_file.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "key/version_1_sealed_key.hpp"

using namespace spankey;
using spankey_test::version_1_sealed_key;
using state = sealed_key_state;

namespace {

constexpr std::uint64_t network = 0x0123456789ABCDEFU;
// What docs/key_files.md says of a small machine's memory.
static_assert(sizeof(void*) != 8 || (sizeof(sealed_key_file) == 144 && sizeof(revocation_list) == 56));
static_assert(sealed_key_file::overhead == 176 && revocation_list::bytes_of(3) == 48 + 3 * 8);

std::vector<std::byte> fixture() {
  const auto bytes = std::as_bytes(std::span(version_1_sealed_key));
  return {bytes.begin(), bytes.end()};
}
state state_of(std::span<const std::byte> bytes) {
  sealed_key_file file;
  return file.read(bytes);
}
void mend(std::vector<std::byte>& bytes) {
  const std::uint64_t checksum = word_checksum(bytes.data(), bytes.size() - 8);
  std::memcpy(bytes.data() + bytes.size() - 8, &checksum, sizeof checksum);
}
// What `read` says once the header was changed and the checksum fits again.
template <class F>
state changed(F&& change) {
  std::vector<std::byte> bytes = fixture();
  sealed_key_header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  change(header);
  std::memcpy(bytes.data(), &header, sizeof header);
  mend(bytes);
  return state_of(bytes);
}

// Says what it was given, and "opens" with a key of ones.
struct spy {
  mutable std::size_t sealed = 0, about = 0;
  bool operator()(std::span<const std::byte> s, std::span<const std::byte> a, std::span<const std::byte> key,
                  std::span<std::byte> out) const {
    sealed = s.size(), about = a.size();
    for (std::byte& b : out) b = std::byte{9};
    return key.front() == std::byte{1};
  }
};

}  // namespace

TEST_CASE("sealed key: version 1, byte for byte, is read for ever, at any alignment") {
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::vector<std::byte> moved(shift);
    const std::vector<std::byte> bytes = fixture();
    moved.insert(moved.end(), bytes.begin(), bytes.end());
    sealed_key_file file;
    REQUIRE(file.read(std::span(moved).subspan(shift)) == state::ok);
    const sealed_key_header& h = file.header();
    CHECK(h.payload == key_payload::span);
    CHECK(h.recipient == key_recipient::device);
    CHECK(h.network == network);
    CHECK(h.serial == 17);
    CHECK(h.generation == 2);
    CHECK(h.issued == day_of(2027, 1, 31));
    CHECK(h.expires == day_of(2027, 7, 1));
    CHECK(file.payload_bytes() == 108);
  }
}

TEST_CASE("sealed key: every cut, every longer file and every flipped bit is found before any key is asked") {
  const std::vector<std::byte> bytes = fixture();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(state_of(std::span(bytes).first(size)) == (size < 8 ? state::foreign : state::damaged));
  for (const std::size_t more : {1U, 4U, 1000U}) {
    std::vector<std::byte> longer = bytes;
    longer.resize(bytes.size() + more);
    CHECK(state_of(longer) == state::damaged);
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::vector<std::byte> flipped = bytes;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    const state found = state_of(flipped);
    CHECK(found != state::ok);
    if (bit / 8 >= 12) CHECK(found == state::damaged);
  }
}

TEST_CASE("sealed key: headers that no writer makes, under a checksum that fits") {
  using header = sealed_key_header;
  CHECK(changed([](header&) {}) == state::ok);
  CHECK(changed([](header& h) { h.version = 2; }) == state::newer);
  CHECK(changed([](header& h) { h.version = 0; }) == state::damaged);
  CHECK(changed([](header& h) { h.payload = key_payload{4}; }) == state::newer);
  CHECK(changed([](header& h) { h.payload = key_payload{0}; }) == state::newer);
  CHECK(changed([](header& h) { h.recipient = key_recipient{4}; }) == state::newer);
  CHECK(changed([](header& h) { h.network = 0; }) == state::damaged);
  CHECK(changed([](header& h) { h.bytes += 4; }) == state::damaged);
  CHECK(changed([](header& h) { h.expires = last_day + 1; }) == state::damaged);
  CHECK(changed([](header& h) { h.payload = key_payload::master; }) == state::damaged);  // of 108 bytes
  CHECK(changed([](header& h) { h.payload = key_payload::role; }) == state::damaged);
  CHECK(changed([](header& h) { h.passes = 1; }) == state::damaged);  // a device has no passphrase
  CHECK(changed([](header& h) { h.kib = 8; }) == state::damaged);
  CHECK(changed([](header& h) { h.salt[3] = std::byte{1}; }) == state::damaged);
  CHECK(changed([](header& h) { h.sender[31] = std::byte{1}; }) == state::damaged);
  const auto passphrase = [](std::uint32_t passes, std::uint32_t kib) {
    return changed(
        [&](header& h) { h.recipient = key_recipient::passphrase, h.passes = passes, h.kib = kib; });
  };
  CHECK(passphrase(1, 8) == state::ok);
  CHECK(passphrase(most_passes, most_kib) == state::ok);
  CHECK(passphrase(0, 8) == state::damaged);
  CHECK(passphrase(1, 7) == state::damaged);
  CHECK(passphrase(most_passes + 1, 8) == state::damaged);
  CHECK(passphrase(1, most_kib + 1) == state::damaged);  // nobody's memory is filled by a file
}

TEST_CASE("sealed key: what it has to be, to be taken") {
  const std::vector<std::byte> bytes = fixture();
  sealed_key_file file;
  REQUIRE(file.read(bytes) == state::ok);
  CHECK(file.check({}) == state::ok);
  CHECK(file.check({.network = network}) == state::ok);
  CHECK(file.check({.network = network + 1}) == state::other_network);
  CHECK(file.check({.least_generation = 2}) == state::ok);
  CHECK(file.check({.least_generation = 3}) == state::old_generation);
  const day_number issued = day_of(2027, 1, 31), expires = day_of(2027, 7, 1);
  CHECK(file.check({.today = issued - 2}) == state::expired);
  CHECK(file.check({.today = issued - 1}) == state::ok);  // somewhere it still is the day before
  CHECK(file.check({.today = expires}) == state::ok);
  CHECK(file.check({.today = expires + 1}) == state::expired);

  const auto listed = [&](std::uint64_t of_network, std::uint32_t generation, std::uint64_t serial) {
    std::vector<std::byte> list_bytes(revocation_list::bytes_of(1));
    const revocation_list_header header{
        .count = 1, .network = of_network, .bytes = list_bytes.size(), .generation = generation};
    std::memcpy(list_bytes.data(), &header, sizeof header);
    std::memcpy(list_bytes.data() + sizeof header, &serial, sizeof serial);
    mend(list_bytes);
    revocation_list list;
    REQUIRE(list.read(list_bytes) == revocation_list_state::ok);
    return file.check({.network = network, .revoked = &list});
  };
  CHECK(listed(network, 0, 16) == state::ok);
  CHECK(listed(network, 2, 18) == state::ok);
  CHECK(listed(network, 0, 17) == state::revoked);
  CHECK(listed(network, 3, 16) == state::old_generation);
  CHECK(listed(network + 1, 0, 16) == state::other_network);
}

TEST_CASE("sealed key: opening asks the cipher with the whole header, and leaves nothing where it refuses") {
  const std::vector<std::byte> bytes = fixture();
  sealed_key_file file;
  REQUIRE(file.read(bytes) == state::ok);
  std::vector<std::byte> room(120, std::byte{5}), ones(32, std::byte{1}), others(32, std::byte{2});
  const spy cipher;
  CHECK(file.open(cipher, ones, std::span(room).first(107)) == state::no_room);
  CHECK(cipher.sealed == 0);
  CHECK(file.open(cipher, ones, room) == state::ok);
  CHECK(cipher.sealed == 108 + 40);
  CHECK(cipher.about == 128);
  CHECK(room[107] == std::byte{9});
  CHECK(room[108] == std::byte{5});
  CHECK(file.open(cipher, others, room) == state::not_opened);
  CHECK(room[0] == std::byte{0});
  CHECK(room[107] == std::byte{0});
  CHECK(file.open(cipher, std::span(ones).first(31), room) == state::not_opened);
}
