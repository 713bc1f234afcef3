// Reader of GGUF, version 3 (llama.cpp's format of language models), strict: what opens is consistent.
//
//   "GGUF" | u32 version | u64 tensors | u64 keys
//   key     name (u64 length, bytes) | u32 type | value; an array is u32 type of its elements | u64 count | elements
//   tensor  name | u32 rank | u64 dims, the innermost first | u32 type | u64 offset behind the data's start
//   data    begins at the next multiple of general.alignment (32 where there is none), and so does every tensor
// Little-endian. Every length is checked against what is left of the file before anything is reserved for it; names are UTF-8,
// each there once; tensors lie in the file and not over each other. Arrays of arrays are refused, and types of tensors that
// file/gguf_numbers.hpp does not read. Source: github.com/ggml-org/ggml, docs/gguf.md.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/file/gguf_cursor.hpp"

namespace spankey {

/// How a tensor's numbers lie (file/gguf_numbers.hpp), by their numbers in files.
enum class gguf_type : std::uint32_t { f32 = 0, f16 = 1, q4_0 = 2, q4_1 = 3, q8_0 = 8, bf16 = 30 };

/// Elements and bytes of a block; an element that stands alone is one of 1.
struct gguf_block {
  index_t elements = 0, bytes = 0;  // 0: of a type that is not read
  const char* name = "";
};

constexpr gguf_block gguf_block_of(gguf_type type) {
  switch (type) {
    case gguf_type::f32:
      return {1, 4, "F32"};
    case gguf_type::f16:
      return {1, 2, "F16"};
    case gguf_type::bf16:
      return {1, 2, "BF16"};
    case gguf_type::q4_0:
      return {32, 18, "Q4_0"};
    case gguf_type::q4_1:
      return {32, 20, "Q4_1"};
    case gguf_type::q8_0:
      return {32, 34, "Q8_0"};
  }
  return {};
}

/// The value of a key, in place: of an array the elements' type, and their bytes. `entry` is all of the key, its name first.
struct gguf_value {
  gguf_value_type type{};
  bool is_array = false;
  std::uint64_t count = 1;
  std::span<const std::byte> bytes, entry;
};

/// A tensor, in place. `shape` as PyTorch has it, the innermost last.
struct gguf_tensor {
  gguf_type type{};
  std::vector<index_t> shape;
  std::span<const std::byte> bytes;

  [[nodiscard]] index_t count() const {
    index_t all = 1;
    for (const index_t extent : shape) all *= extent;
    return all;
  }
};

inline constexpr index_t gguf_file_cap = sizeof(index_t) > 4 ? index_t{4} << 30 : index_t{1} << 30;

class gguf_file {
 public:
  using value_map = std::map<std::string, gguf_value, std::less<>>;
  using tensor_map = std::map<std::string, gguf_tensor, std::less<>>;

  /// Errors: io.101 to io.106, gguf.101 to gguf.110, each one line that names the file.
  SPANKEY_INLINE static gguf_file open(const std::string& path, index_t largest = gguf_file_cap);
  /// The same over bytes that are in memory already; they must outlive the result.
  SPANKEY_INLINE static gguf_file from_memory(std::span<const std::byte> bytes, std::string_view name);

  /// Path or name, fit for an error message.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const value_map& values() const& { return values_; }
  [[nodiscard]] const tensor_map& tensors() const& { return tensors_; }
  const value_map& values() const&& = delete;
  const tensor_map& tensors() const&& = delete;

  /// Whether there is such a key.
  [[nodiscard]] bool has(std::string_view key) const { return values_.find(key) != values_.end(); }
  /// A whole number of any width, which is none below 0; a number with a point; a text. Fails with gguf.111 where the key is
  /// missing, or has another type.
  [[nodiscard]] SPANKEY_INLINE std::uint64_t whole(std::string_view key) const;
  [[nodiscard]] SPANKEY_INLINE double real(std::string_view key) const;
  [[nodiscard]] SPANKEY_INLINE bool truth(std::string_view key) const;
  [[nodiscard]] SPANKEY_INLINE std::string_view text(std::string_view key) const;
  /// An array of texts, in place, and one of whole numbers of 32 bits; errors as above.
  [[nodiscard]] SPANKEY_INLINE std::vector<std::string_view> texts(std::string_view key) const;
  [[nodiscard]] SPANKEY_INLINE std::vector<std::int32_t> numbers(std::string_view key) const;
  /// The tensor, which must have this shape. Fails with gguf.112.
  [[nodiscard]] SPANKEY_INLINE const gguf_tensor& require(std::string_view tensor,
                                                          const std::vector<index_t>& shape) const&;

 private:
  SPANKEY_INLINE gguf_file(std::string name, std::span<const std::byte> bytes,
                           std::unique_ptr<std::byte[]> owned);
  [[nodiscard]] SPANKEY_INLINE const gguf_value& of(std::string_view key, std::string_view wanted,
                                                    bool is_array,
                                                    std::initializer_list<gguf_value_type> types) const;

  std::string name_;
  std::unique_ptr<std::byte[]> owned_;
  value_map values_;
  tensor_map tensors_;
};

/// The bytes of a file without tensors that has those keys of `from` whose names begin with one of `prefixes`.
SPANKEY_INLINE std::vector<std::byte> gguf_keys_of(const gguf_file& from,
                                                   std::span<const std::string_view> prefixes);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/file/gguf.inl"
#endif

#include "spankey/core/macros_on.hpp"
