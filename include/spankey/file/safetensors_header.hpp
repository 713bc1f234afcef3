// The header of a safetensors file: parsed, and checked against the size of the data that follows it.
//
//   {"name": {"dtype": "F32", "shape": [64, 3], "data_offsets": [begin, end]}, ...,
//    "__metadata__": {"key": "text", ...}}
//
// A header that passes describes tensors that lie inside the data, each of exactly the bytes its shape needs,
// that cover the data without hole or overlap (the rule of the format). Nothing is trusted before that.
// Source: github.com/huggingface/safetensors, format description.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/file/dtype.hpp"

namespace spankey {

/// Where a tensor lies: bytes [begin, end) of the data behind the header.
struct tensor_entry {
  dtype type = dtype::f32;
  std::vector<index_t> shape;
  index_t begin = 0, end = 0;
};

using safetensors_metadata = std::map<std::string, std::string, std::less<>>;

struct safetensors_header {
  std::map<std::string, tensor_entry, std::less<>> tensors;
  safetensors_metadata metadata;
};

/// Checks every tensor against its own shape and against data of `data_bytes` bytes. Errors: safetensors.108
/// shape, .109 offsets outside the data, .110 length, .111 hole or overlap, .112 data that no tensor covers.
SPANKEY_INLINE void check_layout(const safetensors_header& header, index_t data_bytes,
                                 std::string_view where);

/// Header text -> checked header. `where` names the file in errors.
SPANKEY_INLINE safetensors_header parse_safetensors_header(std::string_view text, index_t data_bytes,
                                                           std::string_view where);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/file/safetensors_header.inl"
#endif
