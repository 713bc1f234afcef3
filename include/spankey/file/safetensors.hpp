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
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "spankey/file/input_file.hpp"
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
  static safetensors_file open(const std::string& path, index_t largest = safetensors_file_cap) {
    input_file input(path);
    const std::string& where = input.name();
    if (input.size() > largest) {
      fail("io.105", where, "expected at most ", largest, " bytes, found ", input.size());
    }
    std::byte prefix[8] = {};
    check_prefix_size(input.size(), where);
    input.read(prefix, 8);
    const index_t header_bytes = header_length(prefix, input.size(), where);
    std::string text(static_cast<std::size_t>(header_bytes), '\0');
    input.read(reinterpret_cast<std::byte*>(text.data()), header_bytes);
    const index_t data_bytes = input.size() - 8 - header_bytes;
    const safetensors_header header = parse_safetensors_header(text, data_bytes, where);

    std::unique_ptr<std::byte[]> data(new (std::nothrow) std::byte[static_cast<std::size_t>(data_bytes)]);
    if (data == nullptr)
      fail("io.106", where, "cannot reserve ", data_bytes, " bytes of memory for its tensors");
    input.read(data.get(), data_bytes);
    const std::byte* const begin = data.get();
    return {where, header, std::move(data), begin};
  }

  /// The same over bytes that are in memory already (firmware, tests); they must outlive the result.
  static safetensors_file from_memory(std::span<const std::byte> bytes, std::string_view name) {
    const std::string where = printable(name);
    const index_t size = static_cast<index_t>(bytes.size());
    check_prefix_size(size, where);
    const index_t header_bytes = header_length(bytes.data(), size, where);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8,
                                static_cast<std::size_t>(header_bytes));
    return {where, parse_safetensors_header(text, size - 8 - header_bytes, where), nullptr,
            bytes.data() + 8 + header_bytes};
  }

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
  const stored_tensor& require(std::string_view name, dtype type, const std::vector<index_t>& shape,
                               std::string_view where = "") const& {
    const auto wrong = [&](std::string_view id, const std::string& found) {
      const std::string by = where.empty() ? std::string() : " (needed by " + printable(where) + ")";
      fail(id, name_, "tensor ", in_quotes(name), by, ": expected ", tensor_text(type, shape), ", found ",
           found);
    };
    const stored_tensor* const tensor = find(name);
    if (tensor == nullptr) wrong("safetensors.121", "no tensor of this name");
    const std::string found = tensor_text(tensor->type, tensor->shape);
    if (tensor->type != type) wrong("safetensors.122", found);
    const bool same = std::equal(shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end(),
                                 [](index_t want, index_t got) { return want == got || want == any_extent; });
    if (!same) wrong("safetensors.123", found);
    return *tensor;
  }

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
  safetensors_file(const std::string& name, const safetensors_header& header,
                   std::unique_ptr<std::byte[]> owned, const std::byte* data)
      : name_(name), owned_(std::move(owned)), metadata_(header.metadata) {
    for (const auto& [tensor, entry] : header.tensors) {
      tensors_.try_emplace(
          tensor, stored_tensor{entry.type,
                                entry.shape,
                                {data + entry.begin, static_cast<std::size_t>(entry.end - entry.begin)}});
    }
  }

  static void check_prefix_size(index_t size, std::string_view where) {
    if (size < 8)
      fail("safetensors.101", where, "expected at least 8 bytes (the header's length), found ", size);
  }

  // What people take for weights. Asked only where the beginning, as the length of a header, is too large to be one: a
  // header of 640 bytes begins as a pickle does.
  static std::string_view other_format(const std::byte* prefix) {
    const std::string_view begin(reinterpret_cast<const char*>(prefix), 8);
    if (begin.starts_with("PK\x03\x04"))
      return "a zip archive, as torch.save writes (.pt, .pth), which can run code and is never read here; "
             "make "
             "safetensors of it with examples/import/pt_to_safetensors.py";
    if (begin[0] == '\x80' && begin[1] >= 2 && begin[1] <= 5)
      return "a pickle, as torch.save wrote (.pt, .pth), which can run code and is never read here; make "
             "safetensors of it with examples/import/pt_to_safetensors.py";
    if (begin.starts_with("\x89HDF")) return "HDF5, as Keras writes (.h5, .hdf5)";
    return {};
  }

  static index_t header_length(const std::byte* prefix, index_t file_bytes, std::string_view where) {
    std::uint64_t length = 0;
    std::memcpy(&length, prefix, sizeof length);
    const bool too_long = length > static_cast<std::uint64_t>(safetensors_header_cap);
    if (const std::string_view found = too_long ? other_format(prefix) : std::string_view(); !found.empty())
      fail("safetensors.113", where, "expected a safetensors file, found ", found);
    if (too_long) {
      fail("safetensors.102", where, "expected a header of at most ", safetensors_header_cap,
           " bytes, found ", length);
    }
    if (length > static_cast<std::uint64_t>(file_bytes - 8)) {
      fail("safetensors.103", where, "expected a header of ", length, " bytes, found ", file_bytes - 8,
           " bytes in the file");
    }
    return static_cast<index_t>(length);
  }

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
