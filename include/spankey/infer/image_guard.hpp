// What a weight image says of the keys that a session lets in, where its header says that it does (image_header::guarded).
// Behind the operations' parts, for every site that takes a key, in their order:
//
//   limit (double) | rows q, numbers of a key d (two u32) | N: q x d floats in (C, H, W) order, to a multiple of 16 bytes
// A key is let in where |N k|^2 <= limit |k|^2 at every site (key/energy_outside.hpp); q = 0: every key is, at that site.
// Needs no memory but the image, no heap, no package.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "spankey/core/finite.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/infer/status.hpp"
#include "spankey/key/energy_outside.hpp"

namespace spankey::infer {

struct guard_entry {
  double limit = 0;
  std::uint32_t rows = 0, numbers = 0;

  [[nodiscard]] std::size_t bytes() const {
    return sizeof(guard_entry) + aligned(std::size_t{rows} * numbers * sizeof(float));
  }
};
static_assert(sizeof(guard_entry) == image_alignment && std::is_trivially_copyable_v<guard_entry>);

/// The entry at byte `at` of an image, and its rows.
inline guard_entry guard_at(const std::byte* image, std::size_t at) {
  guard_entry entry;
  std::memcpy(&entry, image + at, sizeof entry);
  return entry;
}
inline outside_rows rows_at(const std::byte* image, std::size_t at) {
  const guard_entry entry = guard_at(image, at);
  return {reinterpret_cast<const float*>(image + at + sizeof entry), static_cast<index_t>(entry.rows),
          static_cast<index_t>(entry.numbers), static_cast<float>(entry.limit)};
}

/// What stands behind byte `begin` of a whole image, for sites with keys of these extents. image_size where it is not as
/// many bytes as it says, image_format where it is of other sites or of none, image_not_finite.
inline status check_guard(const image_header& header, std::span<const extents> sites,
                          std::span<const std::byte> image, std::size_t begin) {
  std::size_t at = begin;
  for (std::size_t i = 0; header.asks_keys() && i < sites.size(); ++i) {
    if (!header.takes_key(i)) continue;
    if (image.size() - at < sizeof(guard_entry)) return status::image_size;
    const guard_entry entry = guard_at(image.data(), at);
    if (entry.numbers != static_cast<std::uint64_t>(sites[i].size()) || entry.rows > entry.numbers)
      return status::image_format;
    // Before bytes(), whose product is then no larger than an image.
    const std::size_t left = image.size() - at - sizeof entry;
    if (entry.rows > left / sizeof(float) / entry.numbers || left + sizeof entry < entry.bytes())
      return status::image_size;
    if (!is_finite(entry.limit)) return status::image_not_finite;
    if (!all_finite(rows_at(image.data(), at).values,
                    static_cast<index_t>(entry.rows) * static_cast<index_t>(entry.numbers)))
      return status::image_not_finite;
    at += entry.bytes();
  }
  if (at != image.size()) return status::image_size;
  return header.asks_keys() && at == begin ? status::image_format : status::ok;
}

/// part(i): the floats of the i-th site that takes a key, in (C, H, W) order, as bytes at any alignment. Of an image that
/// check_guard let pass.
template <class Part>
bool lets_key_in(const image_header& header, std::span<const extents> sites, const std::byte* image,
                 std::size_t begin, const Part& part) {
  bool lets_in = true;
  std::size_t at = begin, next = 0;
  for (std::size_t i = 0; header.asks_keys() && i < sites.size(); ++i) {
    if (!header.takes_key(i)) continue;
    const std::byte* const key = part(next++).data();
    const outside_rows rows = rows_at(image, at);
    const auto number = [key](index_t j) {
      float k;
      std::memcpy(&k, key + static_cast<std::size_t>(j) * sizeof k, sizeof k);
      return k;
    };
    lets_in = (rows.count == 0 || rows.lets_in(number)) && lets_in;
    at += guard_at(image, at).bytes();
  }
  return lets_in;
}

}  // namespace spankey::infer
