#include "spankey/checkpoint/ring_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::check_refused;

namespace {

constexpr passphrase_cost cheap{1, 8};

std::span<const std::byte> letters(std::string_view text) { return std::as_bytes(std::span(text)); }

open_ring full() {
  open_ring made(7, letters("open"), cheap);
  made.ring.issue({.name = "alice", .note = "one", .issued = 20000, .expires = 20100});
  made.ring.issue({.name = "bob", .issued = 20001, .payload = key_payload::master});
  made.ring.revoke("alice");
  made.ring.rotate(8);
  made.ring.issue({.name = "j\xC3\xB6rg", .note = std::string(999, 'n'), .issued = 20002});
  return made;
}
void check_same(const key_ring& a, const key_ring& b) {
  CHECK(a.master() == b.master());
  CHECK(a.network() == b.network());
  CHECK(a.generation() == b.generation());
  CHECK(a.next_serial() == b.next_serial());
  REQUIRE(a.customers().size() == b.customers().size());
  for (std::size_t i = 0; i < a.customers().size(); ++i) {
    const ring_customer &x = a.customers()[i], &y = b.customers()[i];
    CHECK(x.name == y.name);
    CHECK(x.note == y.note);
    CHECK(x.serial == y.serial);
    CHECK(x.nonce == y.nonce);
    CHECK(x.network == y.network);
    CHECK(x.issued == y.issued);
    CHECK(x.expires == y.expires);
    CHECK(x.generation == y.generation);
    CHECK(x.payload == y.payload);
    CHECK(x.revoked == y.revoked);
  }
}

}  // namespace

TEST_CASE("ring file: gives the ring back to its passphrase, is its owner's, and takes nobody's place") {
  const std::string path = (std::filesystem::temp_directory_path() / "spankey_ring_file_test.ring").string();
  std::filesystem::remove(path);
  const open_ring made = full();
  made.save_new(path);
  check_same(open_ring::load(path, letters("open")).ring, made.ring);
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  check_refused([&] { made.save_new(path); }, "io.117");
  open_ring again = open_ring::load(path, letters("open"));
  again.ring.issue({.name = "carol"});
  again.save(path);
  check_same(open_ring::load(path, letters("open")).ring, again.ring);
  check_refused([&] { (void)open_ring::load(path, letters("opem")); }, "ring.114");
  check_refused([&] { (void)open_ring::load(path, {}); }, "ring.114");
  std::filesystem::remove(path);
}

TEST_CASE("ring file: names nobody in the clear, and is another one every time") {
  const open_ring made = full();
  const std::vector<std::byte> file = made.bytes(), other = made.bytes();
  CHECK(file.size() == other.size());
  CHECK(file != other);
  const auto holds = [&](std::span<const std::byte> what) {
    return std::search(file.begin(), file.end(), what.begin(), what.end()) != file.end();
  };
  CHECK_FALSE(holds(letters("alice")));
  CHECK_FALSE(holds(made.ring.master().bytes()));
  CHECK(holds(letters("SPANKEYO")));
}

TEST_CASE("ring file: every cut and every flipped bit is found, with a checksum that fits again, too") {
  const std::vector<std::byte> file = full().bytes();
  const auto id_of = [](std::span<const std::byte> bytes) {
    return spankey_test::id_of([&] { (void)open_ring::read(bytes, letters("open"), "ring"); });
  };
  REQUIRE(id_of(file) == "no error");
  for (std::size_t size = 0; size < file.size(); size += size < 60 ? 1 : 13)
    CHECK(id_of(std::span(file).first(size)) == (size < 8 ? "ring.111" : "ring.113"));
  for (const std::size_t more : {1U, 4U, 1000U}) {
    std::vector<std::byte> longer = file;
    longer.resize(file.size() + more);
    CHECK(id_of(longer) == "ring.113");
  }
  for (std::size_t bit = 0; bit < file.size() * 8; bit += bit < 48 * 8 ? 1 : 41) {
    std::vector<std::byte> flipped = file;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    const std::size_t byte = bit / 8;
    const std::string id = id_of(flipped);
    CHECK(id == (byte < 8 ? "ring.111" : byte < 12 && bit != 64 ? "ring.112" : "ring.113"));
    if (byte >= 12 && byte < 20) continue;  // other costs, up to 1 GiB
    if (byte + 8 >= file.size()) continue;
    const std::uint64_t checksum = word_checksum(flipped.data(), flipped.size() - 8);
    std::memcpy(flipped.data() + flipped.size() - 8, &checksum, sizeof checksum);
    CAPTURE(byte);
    const std::string mended = id_of(flipped);
    CHECK(mended == (byte < 12 ? id : byte >= 24 && byte < 32 ? "ring.113" : "ring.114"));
  }
}

TEST_CASE("ring file: costs that no reader pays are refused before anything is made") {
  for (const passphrase_cost cost : {passphrase_cost{0, 8}, {1, 7}, {most_passes + 1, 8}, {1, most_kib + 1}})
    check_refused([&] { (void)open_ring(7, letters("p"), cost); }, "sealed_key.109");
}
