#include "spankey/key/revocation_list.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

using namespace spankey;

namespace {

std::vector<std::byte> list_of(const std::vector<std::uint64_t>& serials) {
  revocation_list_header header{
      .count = static_cast<std::uint32_t>(serials.size()), .network = 7, .generation = 3};
  header.bytes = revocation_list::bytes_of(serials.size());
  std::vector<std::byte> file(header.bytes);
  std::memcpy(file.data(), &header, sizeof header);
  if (!serials.empty()) std::memcpy(file.data() + sizeof header, serials.data(), serials.size() * 8);
  const std::uint64_t checksum = word_checksum(file.data(), file.size() - 8);
  std::memcpy(file.data() + file.size() - 8, &checksum, sizeof checksum);
  return file;
}

}  // namespace

TEST_CASE("revocation list: holds what it lists and nothing else, at any alignment") {
  std::vector<std::uint64_t> serials;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const std::vector<std::byte> file = list_of(serials);
    for (std::size_t shift = 0; shift < 3; ++shift) {
      std::vector<std::byte> moved(shift);
      moved.insert(moved.end(), file.begin(), file.end());
      revocation_list list;
      REQUIRE(list.read(std::span(moved).subspan(shift)) == revocation_list_state::ok);
      CHECK(list.network() == 7);
      CHECK(list.generation() == 3);
      CHECK(list.size() == serials.size());
      for (std::uint64_t n = 0; n < 130; ++n) CHECK(list.holds(n) == (n % 3 == 1 && n < 3 * i));
    }
    serials.push_back(3 * i + 1);
  }
  const std::vector<std::uint64_t> far = {0, 0x7FFFFFFFFFFFFFFFU, 0xFFFFFFFFFFFFFFFFU};
  const std::vector<std::byte> file = list_of(far);
  revocation_list list;
  REQUIRE(list.read(file) == revocation_list_state::ok);
  for (const std::uint64_t serial : far) CHECK(list.holds(serial));
  CHECK_FALSE(list.holds(1));
}

TEST_CASE(
    "revocation list: every cut, every flipped bit and serials out of order are found; then it lists "
    "nobody") {
  const std::vector<std::byte> file = list_of({2, 5, 9});
  revocation_list list;
  for (std::size_t size = 0; size < file.size(); ++size)
    CHECK(list.read(std::span(file).first(size)) ==
          (size < 8 ? revocation_list_state::foreign : revocation_list_state::damaged));
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::vector<std::byte> flipped = file;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    const revocation_list_state found = list.read(flipped);
    // Version 1 with a bit less is 0, which is none; with a bit more a later one.
    CHECK(found == (bit < 64               ? revocation_list_state::foreign
                    : bit > 64 && bit < 96 ? revocation_list_state::newer
                                           : revocation_list_state::damaged));
    CHECK_FALSE(list.holds(5));
  }
  CHECK(list.read(list_of({2, 2})) == revocation_list_state::damaged);
  CHECK(list.read(list_of({9, 5})) == revocation_list_state::damaged);
}
