// CRC-32 (the one of zlib and PNG): finds every single flipped bit, every burst of up to 32 of them, and all else but
// one damage in 2^32. It finds accidents; it is no defence against somebody who wants a file to be accepted.
//
//   remainder of the bytes, as a polynomial over GF(2), by 0xEDB88320 (bits reflected), eight bytes a round
//
// Sources: RFC 1952, section 8; Kounavis and Berry, "Novel table lookup-based algorithms for high-performance CRC
// generation", 2008 (a table for each of the eight bytes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "spankey/core/compiled.hpp"
#include "spankey/core/escape.hpp"

namespace spankey {

/// The checksum of `bytes`, or of what `before` is the checksum of with `bytes` after it.
SPANKEY_INLINE std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before = 0);
SPANKEY_INLINE std::uint32_t crc32(std::string_view text, std::uint32_t before = 0);

/// Eight hexadecimal digits.
inline std::string crc32_text(std::uint32_t value) { return hex_digits(value, 8); }

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/file/checksum.inl"
#endif
