// Reader of the safetensors format (the weights and conformance files), strict: what opens is consistent.
//
//   8 bytes    length of the header, little-endian
//   header     JSON, see safetensors_header.hpp
//   data       the tensors' elements, little-endian, row-major, possibly unaligned
//
// Every size is checked against the real size of the file before memory is reserved for it.
// Source: github.com/huggingface/safetensors, format description.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>

#include "spankey/core/compiled.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/safetensors_header.hpp"

namespace spankey {

static_assert(std::endian::native == std::endian::little,
              "SpanKey: safetensors files are little-endian, and this reader copies elements as they are");

/// Headers above this are refused (the format allows 100 MB; the largest model here needs 20 kB).
inline constexpr index_t safetensors_header_cap = 8 << 20;
/// Files above this are refused unless the caller allows more.
inline constexpr index_t safetensors_file_cap = sizeof(index_t) > 4 ? index_t{4} << 30 : index_t{1} << 30;
/// In an expected shape: any extent will do (a batch size).
inline constexpr index_t any_extent = -1;

/// One tensor of an open file; `bytes` lives as long as the file object and may be unaligned.
struct stored_tensor {
  dtype type;
  std::vector<index_t> shape;
  std::span<const std::byte> bytes;

  [[nodiscard]] index_t count() const {
    return static_cast<index_t>(bytes.size()) * 8 / describe_dtype(type).bits;
  }
};

/// Copies the elements of `tensor` to `out`; type and count must be those of the tensor.
template <class T>
requires std::is_trivially_copyable_v<T>
void copy_elements(const stored_tensor& tensor, std::span<T> out) {
  if (out.size_bytes() != tensor.bytes.size()) {
    fail("safetensors.124", "copy_elements", "expected room for ", tensor.bytes.size(), " bytes, found ",
         out.size_bytes());
  }
  if (!out.empty()) std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
}

/// A checked safetensors file, whole in memory.
class safetensors_file {
 public:
  using tensor_map = std::map<std::string, stored_tensor, std::less<>>;

  /// Reads `path`. Errors: io.101 to io.106 and safetensors.101 to .113, each one line that names the file.
  SPANKEY_INLINE static safetensors_file open(const std::string& path,
                                              index_t largest = safetensors_file_cap);

  /// The same over bytes that are in memory already (firmware, tests); they must outlive the result.
  SPANKEY_INLINE static safetensors_file from_memory(std::span<const std::byte> bytes, std::string_view name);

  /// Path or name, fit for an error message.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const safetensors_metadata& metadata() const& { return metadata_; }
  /// All tensors by name.
  [[nodiscard]] const tensor_map& tensors() const& { return tensors_; }

  /// The tensor, or nullptr.
  [[nodiscard]] const stored_tensor* find(std::string_view name) const& {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
  }

  /// The tensor, which must have this type and shape (any_extent matches any). `where` says who needs it.
  /// Errors: safetensors.121 missing, .122 dtype, .123 shape.
  SPANKEY_INLINE const stored_tensor& require(std::string_view name, dtype type,
                                              const std::vector<index_t>& shape,
                                              std::string_view where = "") const&;

  // What these refer to dies with the file: a temporary file has none of them.
  const safetensors_metadata& metadata() const&& = delete;
  const tensor_map& tensors() const&& = delete;
  const stored_tensor* find(std::string_view name) const&& = delete;
  const stored_tensor& require(std::string_view name, dtype type, const std::vector<index_t>& shape,
                               std::string_view where = "") const&& = delete;

  /// require() as F32, copied out.
  [[nodiscard]] std::vector<float> read_f32(std::string_view name, const std::vector<index_t>& shape,
                                            std::string_view where = "") const {
    return read<float>(require(name, dtype::f32, shape, where));
  }
  /// require() as I64, copied out.
  [[nodiscard]] std::vector<std::int64_t> read_i64(std::string_view name, const std::vector<index_t>& shape,
                                                   std::string_view where = "") const {
    return read<std::int64_t>(require(name, dtype::i64, shape, where));
  }

 private:
  SPANKEY_INLINE safetensors_file(const std::string& name, const safetensors_header& header,
                                  std::unique_ptr<std::byte[]> owned, const std::byte* data);

  SPANKEY_INLINE static void check_prefix_size(index_t size, std::string_view where);

  // What people take for weights. Asked only where the beginning, as the length of a header, is too large to be one: a
  // header of 640 bytes begins as a pickle does.
  SPANKEY_INLINE static std::string_view other_format(const std::byte* prefix);

  SPANKEY_INLINE static index_t header_length(const std::byte* prefix, index_t file_bytes,
                                              std::string_view where);

  template <class T>
  static std::vector<T> read(const stored_tensor& tensor) {
    std::vector<T> values(static_cast<std::size_t>(tensor.count()));
    copy_elements(tensor, std::span<T>(values));
    return values;
  }

  std::string name_;
  std::unique_ptr<std::byte[]> owned_;
  safetensors_metadata metadata_;
  tensor_map tensors_;
};

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/file/safetensors.inl"
#endif
