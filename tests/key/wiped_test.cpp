// What is left of secrets in the whole memory of the process once their owners are gone.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "spankey/checkpoint/ring_file.hpp"
#include "spankey/key/ring_key.hpp"
#include "spankey/key/sealed_key.hpp"

using namespace spankey;

namespace {

// 16 bytes of a secret, kept so that a search does not find the question.
class mark {
 public:
  explicit mark(const void* from) {
    std::memcpy(turned_.data(), from, turned_.size());
    for (std::uint8_t& b : turned_) b ^= 0x5A;
  }
  [[nodiscard]] bool is_at(const std::uint8_t* bytes) const {
    for (std::size_t i = 0; i < turned_.size(); ++i)
      if ((bytes[i] ^ 0x5A) != turned_[i]) return false;
    return true;
  }

 private:
  std::array<std::uint8_t, 16> turned_{};
};

// How often it stands in memory that can be written, at multiples of 4.
int copies_of(const mark& wanted) {
  static std::array<std::uint8_t, 1 << 16> part;
  const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  REQUIRE(memory >= 0);
  std::ifstream maps("/proc/self/maps");
  int found = 0;
  for (std::string line; std::getline(maps, line);) {
    unsigned long long first = 0, behind = 0;
    char rights[5] = {};
    if (std::sscanf(line.c_str(), "%llx-%llx %4s", &first, &behind, rights) != 3 || rights[1] != 'w')
      continue;
    if (behind - first > 1ULL << 30) continue;  // a sanitizer's shadow of all memory
    constexpr unsigned long long step = part.size() - 16;
    for (unsigned long long at = first; at < behind; at += step) {
      const std::size_t size =
          static_cast<std::size_t>(std::min<unsigned long long>(part.size(), behind - at));
      const ssize_t got = ::pread(memory, part.data(), size, static_cast<off_t>(at));
      for (ssize_t i = 0; i + 16 <= got; i += 4) found += wanted.is_at(part.data() + i);
      wipe(part.data(), part.size());  // or it would be found here
    }
  }
  ::close(memory);
  return found;
}

std::span<const std::byte> letters(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("wiped: nothing of a ring, of a customer's key or of what sealed it is left in memory") {
  constexpr passphrase_cost cheap{1, 8};
  std::vector<mark> marks;
  std::vector<std::byte> ring_bytes, sealed;
  {
    key_space_config config{.subspace_dim = 8};
    config.seed = 3;
    const key_space keys(config, {{0, {4, 8, 8}}});
    open_ring made(7, letters("open"), cheap);
    marks.emplace_back(made.ring.master().data() + 16);
    const ring_customer& who = made.ring.issue({.name = "alice", .issued = 20000});
    const std::vector<site_key> key = customer_key(keys, made.ring.master(), who);
    marks.emplace_back(key[0].values.data() + 100);
    const secret_vector<std::byte> file = key_file_bytes(7, who.serial, key);
    sealed = seal_key(file, {.network = 7, .serial = who.serial, .generation = 1, .issued = 20000},
                      sealed_key_target::passphrase(letters("hers"), cheap));
    ring_bytes = made.bytes();
    for (const mark& m : marks) CHECK(copies_of(m) > 0);  // that the search finds
  }
  for (const mark& m : marks) CHECK(copies_of(m) == 0);
  {
    const open_ring again = open_ring::read(ring_bytes, letters("open"), "ring");
    const secret_bytes hers =
        passphrase_key(letters("hers"), read_sealed_key(sealed, "key").header().salt, cheap);
    const sealed_key_secret secret{.kind = key_recipient::passphrase,
                                   .passphrase = {letters("hers").begin(), letters("hers").end()}};
    const auto opened = open_sealed_key(read_sealed_key(sealed, "key"), secret, "key");
    marks.emplace_back(hers.data() + 16);
    for (const mark& m : marks) CHECK(copies_of(m) > 0);
  }
  for (const mark& m : marks) CHECK(copies_of(m) == 0);
}
