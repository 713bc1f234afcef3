// Writer of the safetensors format. The same tensors give the same bytes, in whatever order they were added.
//
// Tensors are laid out by falling element width, then by name (the order of the format's own library), and
// the header is padded with spaces to a multiple of 8: every tensor is aligned to its element. Files appear
// whole or not at all (atomic_file.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/header_text.hpp"
#include "spankey/file/safetensors.hpp"
#include "spankey/file/tensor_checksums.hpp"
#include "spankey/file/utf8.hpp"

namespace spankey {

/// `Allocator` owns every copy of the data: one that wipes what it frees is for secrets.
template <class Allocator = std::allocator<std::byte>>
class basic_safetensors_writer {
 public:
  /// Adds a tensor; `bytes` is copied. Errors: safetensors.131 name, .132 number of bytes.
  void add(std::string_view name, dtype type, const std::vector<index_t>& shape,
           std::span<const std::byte> bytes);
  void add_f32(std::string_view name, const std::vector<index_t>& shape, std::span<const float> values) {
    add(name, dtype::f32, shape, std::as_bytes(values));
  }
  void add_i64(std::string_view name, const std::vector<index_t>& shape,
               std::span<const std::int64_t> values) {
    add(name, dtype::i64, shape, std::as_bytes(values));
  }

  /// Sets or replaces one entry of the metadata. Error: safetensors.133 not UTF-8.
  void set_metadata(std::string_view key, std::string_view value);

  /// Puts a checksum of everything so far into the metadata (tensor_checksums.hpp): the last thing before bytes().
  void add_checksums();

  /// The whole file.
  [[nodiscard]] std::vector<std::byte, Allocator> bytes() const;

  /// Writes the file atomically. Errors: io.111 to io.115.
  template <class Calls = posix_calls>
  void write(const std::string& path, file_mode mode = file_mode::shared) const {
    write_file_atomically<Calls>(path, bytes(), mode);
  }

 private:
  struct item {
    dtype type;
    std::vector<index_t> shape;
    std::vector<std::byte, Allocator> bytes;
  };
  using tensor_map = std::map<std::string, item, std::less<>>;

  tensor_map tensors_;
  safetensors_metadata metadata_;
};

template <class Allocator>
void basic_safetensors_writer<Allocator>::add(std::string_view name, dtype type,
                                              const std::vector<index_t>& shape,
                                              std::span<const std::byte> bytes) {
  if (name == "__metadata__" || !is_utf8(name)) {
    fail("safetensors.131", "safetensors_writer",
         "expected a UTF-8 tensor name other than __metadata__, found ", in_quotes(name));
  }
  const std::optional<index_t> expected = tensor_bytes(type, shape);
  if (!expected || *expected != static_cast<index_t>(bytes.size())) {
    fail("safetensors.132", "safetensors_writer", "tensor ", in_quotes(name), ": expected ",
         expected ? std::to_string(*expected) + " bytes" : "a shape of whole bytes", " for ",
         tensor_text(type, shape), ", found ", bytes.size(), " bytes");
  }
  const bool fresh =
      tensors_.try_emplace(std::string(name), item{type, shape, {bytes.begin(), bytes.end()}}).second;
  if (!fresh)
    fail("safetensors.131", "safetensors_writer", "tensor ", in_quotes(name), " added twice, expected once");
}

template <class Allocator>
void basic_safetensors_writer<Allocator>::set_metadata(std::string_view key, std::string_view value) {
  if (!is_utf8(key) || !is_utf8(value)) {
    fail("safetensors.133", "safetensors_writer", "metadata ", in_quotes(key), ": expected UTF-8, found ",
         in_quotes(is_utf8(key) ? value : key));
  }
  metadata_.insert_or_assign(std::string(key), std::string(value));
}

template <class Allocator>
void basic_safetensors_writer<Allocator>::add_checksums() {
  for (const auto& [name, content] : tensors_)
    set_metadata(checksum_entry(name), crc32_text(crc32(std::span<const std::byte>(content.bytes))));
  metadata_.erase(std::string(header_checksum));
  set_metadata(header_checksum, crc32_text(crc32_of_header(metadata_, tensors_)));
}

template <class Allocator>
std::vector<std::byte, Allocator> basic_safetensors_writer<Allocator>::bytes() const {
  std::vector<const typename tensor_map::value_type*> order;
  for (const auto& tensor : tensors_) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return describe_dtype(a->second.type).bits > describe_dtype(b->second.type).bits;
  });

  std::string text = "{";
  if (!metadata_.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata_) text += json_string(key) + ':' + json_string(value) + ',';
    text.back() = '}';
    text += ',';
  }
  std::size_t data_bytes = 0;
  for (const auto* tensor : order) {
    const auto& [name, content] = *tensor;
    text += json_string(name) + ":{\"dtype\":\"" + std::string(describe_dtype(content.type).name) +
            "\",\"shape\":[";
    for (std::size_t i = 0; i < content.shape.size(); ++i) {
      if (i != 0) text += ',';
      text += std::to_string(content.shape[i]);
    }
    text += "],\"data_offsets\":[" + std::to_string(data_bytes) + ',';
    data_bytes += content.bytes.size();
    text += std::to_string(data_bytes) + "]},";
  }
  if (text.back() == ',') text.pop_back();
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > static_cast<std::size_t>(safetensors_header_cap)) {
    fail("safetensors.134", "safetensors_writer", "expected a header of at most ", safetensors_header_cap,
         " bytes, found ", text.size());
  }

  const std::uint64_t header_bytes = text.size();
  std::vector<std::byte, Allocator> file(8 + text.size() + data_bytes);
  auto next = file.begin();
  const auto append = [&](std::span<const std::byte> part) {
    next = std::copy(part.begin(), part.end(), next);
  };
  append(std::as_bytes(std::span(&header_bytes, 1)));
  append(std::as_bytes(std::span(text)));
  for (const auto* tensor : order) append(tensor->second.bytes);
  return file;
}

using safetensors_writer = basic_safetensors_writer<>;

#if defined(SPANKEY_COMPILED)
extern template class basic_safetensors_writer<>;
#endif

}  // namespace spankey
