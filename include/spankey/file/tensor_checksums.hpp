// Checksums inside a safetensors file, where any reader of the format keeps them: in its metadata.
//
//   "crc32.NAME"   of the bytes of tensor NAME, eight hexadecimal digits
//   "crc32"        of all other metadata and of every tensor's name, type and shape
// A file with them is as it was written, or refused: one flipped bit anywhere is found. Files of other programs have none.
// Errors show no checksum: those of a secret tensor are secret.
#pragma once

#include <string>
#include <string_view>

#include "spankey/core/compiled.hpp"
#include "spankey/file/checksum.hpp"
#include "spankey/file/safetensors.hpp"

namespace spankey {

inline constexpr std::string_view header_checksum = "crc32";
inline std::string checksum_entry(std::string_view tensor) { return "crc32." + std::string(tensor); }
/// True for the metadata that checksums are.
inline bool is_checksum(std::string_view entry) {
  return entry == header_checksum || entry.starts_with("crc32.");
}

/// `tensors`: from names to what has `type` and `shape`.
template <class Tensors>
std::uint32_t crc32_of_header(const safetensors_metadata& metadata, const Tensors& tensors) {
  std::string text;
  const auto add = [&](std::string_view part) { text.append(part).push_back('\0'); };
  for (const auto& [key, value] : metadata) {
    if (key == header_checksum) continue;
    add(key);
    add(value);
  }
  for (const auto& [name, tensor] : tensors) {
    add(name);
    add(describe_dtype(tensor.type).name);
    for (const index_t extent : tensor.shape) add(std::to_string(extent));
    add("");
  }
  return crc32(text);
}

/// Compares a file with its checksums; one without any passes where none are `required`. Errors: checksum.101 none or
/// not all of them, .102 the header was changed, .103 a tensor was.
SPANKEY_INLINE void check_checksums(const safetensors_file& file, bool required);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/file/tensor_checksums.inl"
#endif
