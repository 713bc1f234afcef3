// A key as a file, read in place: no heap, no exception, bytes at any alignment. docs/inference.md has the layout byte by
// byte.
//
//   header (48 bytes) | per site: number, C, H, W | per site: C H W floats in this order | checksum (8 bytes)
// Little endian. The header names the network that the key opens (infer/fingerprint.hpp), and has the whole length, so
// that a reader checks the bytes of a kind of key that it does not know. Kind 1: what a session binds, as it stands.
// Version 1 is read for ever. Writing: checkpoint/issued_key_file.hpp.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "spankey/core/shape.hpp"
#include "spankey/core/word_checksum.hpp"
#include "spankey/key/site.hpp"

namespace spankey {

static_assert(std::endian::native == std::endian::little,
              "SpanKey: key files are little endian, and are read in place");

/// The first bytes of a key file. No padding, so that it may be copied from and to bytes.
struct key_file_header {
  static constexpr std::array<char, 8> format = {'S', 'P', 'A', 'N', 'K', 'E', 'Y', 'K'};
  std::array<char, 8> magic = format;
  std::uint32_t version = 1;
  std::uint32_t kind = 1;
  std::uint64_t network = 0;  // fingerprint
  std::uint64_t number = 0;   // of the issued key
  std::uint64_t bytes = 0;    // of the whole file
  std::uint32_t sites = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(key_file_header) == 48 && std::is_trivially_copyable_v<key_file_header>);

/// One entry of the list of sites, in the order of their numbers.
struct key_file_site {
  std::uint32_t number = 0, channels = 0, height = 0, width = 0;
};
static_assert(sizeof(key_file_site) == 16 && std::is_trivially_copyable_v<key_file_site>);

/// Sites that a key file may name; no model has as many.
inline constexpr std::uint32_t key_file_site_cap = 64;

enum class [[nodiscard]] key_file_state{
    ok,
    foreign,     // not a key file: raw numbers, a weight image, anything else
    newer,       // of a later version, whose layout this one does not know
    damaged,     // cut, longer, or some byte is not as it was written
    other_kind,  // sound, of a kind of key that came later
    not_finite,  // one of its numbers is NaN or infinite
};

/// A view of bytes that hold a key; they must outlive it.
class key_file {
 public:
  /// Takes the bytes, and looks at every one of them. Everything else may be called after ok only.
  key_file_state read(std::span<const std::byte> file) {
    file_ = {}, header_ = {};
    key_file_header header;
    if (file.size() < sizeof header.magic || !begins_as_key(file)) return key_file_state::foreign;
    if (file.size() < sizeof header) return key_file_state::damaged;
    std::memcpy(&header, file.data(), sizeof header);
    if (header.version != 1) return header.version == 0 ? key_file_state::damaged : key_file_state::newer;
    if (header.bytes != file.size() || file.size() % 4 != 0 || file.size() < sizeof header + checksum_bytes)
      return key_file_state::damaged;
    std::uint64_t checksum;
    const std::size_t covered = file.size() - checksum_bytes;
    std::memcpy(&checksum, file.data() + covered, sizeof checksum);
    if (checksum != word_checksum(file.data(), covered)) return key_file_state::damaged;
    if (header.kind != 1) return key_file_state::other_kind;
    if (!sites_fit(file, header, covered)) return key_file_state::damaged;
    const std::size_t values = first_value(header.sites);
    for (std::size_t at = values; at < covered; at += sizeof(float)) {
      std::uint32_t bits;
      std::memcpy(&bits, file.data() + at, sizeof bits);
      if ((bits & 0x7F800000U) == 0x7F800000U) return key_file_state::not_finite;
    }
    file_ = file, header_ = header;
    return key_file_state::ok;
  }

  /// The network that the key was issued for.
  [[nodiscard]] std::uint64_t network() const { return header_.network; }
  /// Its number among the issued keys of the network's key space.
  [[nodiscard]] std::uint64_t number() const { return header_.number; }
  [[nodiscard]] std::size_t sites() const { return header_.sites; }
  /// Site i < sites(), in the order of the numbers.
  [[nodiscard]] site at(std::size_t i) const {
    const key_file_site s = entry(file_, i);
    return {
        static_cast<int>(s.number),
        {static_cast<index_t>(s.channels), static_cast<index_t>(s.height), static_cast<index_t>(s.width)}};
  }
  /// The numbers of site i: C x H x W floats in this order, as bytes.
  [[nodiscard]] std::span<const std::byte> values(std::size_t i) const {
    std::size_t first = first_value(header_.sites);
    for (std::size_t s = 0; s < i; ++s) first += value_bytes(s);
    return file_.subspan(first, value_bytes(i));
  }

 private:
  static constexpr std::size_t checksum_bytes = sizeof(std::uint64_t);

  static bool begins_as_key(std::span<const std::byte> file) {
    return std::memcmp(file.data(), key_file_header::format.data(), key_file_header::format.size()) == 0;
  }
  static std::size_t first_value(std::uint32_t sites) {
    return sizeof(key_file_header) + std::size_t{sites} * sizeof(key_file_site);
  }
  static key_file_site entry(std::span<const std::byte> file, std::size_t i) {
    key_file_site s;
    std::memcpy(&s, file.data() + first_value(static_cast<std::uint32_t>(i)), sizeof s);
    return s;
  }
  [[nodiscard]] std::size_t value_bytes(std::size_t i) const {
    return static_cast<std::size_t>(at(i).shape.size()) * sizeof(float);
  }
  // Ascending numbers, extents above 0, and as many numbers as stand before the checksum.
  static bool sites_fit(std::span<const std::byte> file, const key_file_header& header, std::size_t covered) {
    if (header.sites == 0 || header.sites > key_file_site_cap || first_value(header.sites) > covered)
      return false;
    std::uint64_t left = (covered - first_value(header.sites)) / sizeof(float);
    for (std::size_t i = 0; i < header.sites; ++i) {
      const key_file_site s = entry(file, i);
      if (i > 0 && entry(file, i - 1).number >= s.number) return false;
      if (s.number > 0xFFFF) return false;
      std::uint64_t count = 1;
      for (const std::uint32_t extent : {s.channels, s.height, s.width}) {
        if (extent == 0 || extent > left / count) return false;
        count *= extent;
      }
      left -= count;
    }
    return left == 0;
  }

  std::span<const std::byte> file_;
  key_file_header header_;
};

}  // namespace spankey
