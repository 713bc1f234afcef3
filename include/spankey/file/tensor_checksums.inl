// What file/tensor_checksums.hpp declares.
#pragma once

#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/tensor_checksums.hpp"

namespace spankey {

void check_checksums(const safetensors_file& file, bool required) {
  const safetensors_metadata& metadata = file.metadata();
  const auto whole = metadata.find(header_checksum);
  if (whole == metadata.end()) {
    if (required) fail("checksum.101", file.name(), "expected checksums in the metadata, found none");
    return;
  }
  if (crc32_text(crc32_of_header(metadata, file.tensors())) != whole->second)
    fail("checksum.102", file.name(), "damaged: its header is not the one that was written");
  for (const auto& [name, tensor] : file.tensors()) {
    const auto entry = metadata.find(checksum_entry(name));
    if (entry == metadata.end())
      fail("checksum.101", file.name(), "tensor ", in_quotes(name), ": expected a checksum, found none");
    if (crc32_text(crc32(tensor.bytes)) != entry->second)
      fail("checksum.103", file.name(), "damaged: tensor ", in_quotes(name),
           " is not the one that was written");
  }
}

}  // namespace spankey
