// Which customers' keys are called back, as a file that is read in place: no heap, no exception, bytes at any alignment.
// docs/key_files.md has the layout byte by byte.
//
//   header (40 bytes) | serials, ascending, 8 bytes each | checksum (8 bytes)
// It also names the oldest generation of keys that still counts: those issued before the last rotation are not listed one by
// one. Its checksum finds damage and no forger: it is as trustworthy as the weights that it comes with.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "spankey/core/word_checksum.hpp"

namespace spankey {

static_assert(std::endian::native == std::endian::little,
              "SpanKey: revocation lists are little endian, and are read in place");

/// The first bytes of the file. No padding.
struct revocation_list_header {
  static constexpr std::array<char, 8> format = {'S', 'P', 'A', 'N', 'K', 'E', 'Y', 'R'};
  std::array<char, 8> magic = format;
  std::uint32_t version = 1;
  std::uint32_t count = 0;       // serials
  std::uint64_t network = 0;     // fingerprint
  std::uint64_t bytes = 0;       // of the whole file
  std::uint32_t generation = 0;  // the oldest that counts
  std::uint32_t reserved = 0;
};
static_assert(sizeof(revocation_list_header) == 40 && std::is_trivially_copyable_v<revocation_list_header>);

enum class [[nodiscard]] revocation_list_state{ok, foreign, newer, damaged};

/// A view of the file's bytes, which must outlive it. Before a read that was ok it lists nobody.
class revocation_list {
 public:
  static constexpr std::size_t bytes_of(std::size_t count) {
    return sizeof(revocation_list_header) + count * sizeof(std::uint64_t) + sizeof(std::uint64_t);
  }

  /// Takes the bytes, and looks at every one of them.
  revocation_list_state read(std::span<const std::byte> file) {
    header_ = {}, serials_ = {};
    revocation_list_header header;
    if (file.size() < sizeof header.magic ||
        std::memcmp(file.data(), header.magic.data(), sizeof header.magic) != 0)
      return revocation_list_state::foreign;
    if (file.size() < sizeof header) return revocation_list_state::damaged;
    std::memcpy(&header, file.data(), sizeof header);
    if (header.version != 1)
      return header.version == 0 ? revocation_list_state::damaged : revocation_list_state::newer;
    if (header.bytes != file.size() || file.size() != bytes_of(header.count))
      return revocation_list_state::damaged;
    const std::size_t covered = file.size() - sizeof(std::uint64_t);
    if (word_at(file, covered) != word_checksum(file.data(), covered)) return revocation_list_state::damaged;
    for (std::size_t i = 1; i < header.count; ++i)
      if (serial(file, i - 1) >= serial(file, i)) return revocation_list_state::damaged;
    header_ = header, serials_ = file;
    return revocation_list_state::ok;
  }

  [[nodiscard]] std::uint64_t network() const { return header_.network; }
  [[nodiscard]] std::uint32_t generation() const { return header_.generation; }
  [[nodiscard]] std::size_t size() const { return header_.count; }
  /// Whether it names this customer's key.
  [[nodiscard]] bool holds(std::uint64_t wanted) const {
    std::size_t first = 0, behind = header_.count;
    while (first < behind) {
      const std::size_t middle = first + (behind - first) / 2;
      const std::uint64_t found = serial(serials_, middle);
      if (found == wanted) return true;
      (found < wanted ? first : behind) = found < wanted ? middle + 1 : middle;
    }
    return false;
  }

 private:
  static std::uint64_t word_at(std::span<const std::byte> file, std::size_t at) {
    std::uint64_t word;
    std::memcpy(&word, file.data() + at, sizeof word);
    return word;
  }
  static std::uint64_t serial(std::span<const std::byte> file, std::size_t i) {
    return word_at(file, sizeof(revocation_list_header) + i * sizeof(std::uint64_t));
  }

  std::span<const std::byte> serials_;
  revocation_list_header header_{.count = 0};
};

}  // namespace spankey
