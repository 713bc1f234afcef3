// What file/safetensors.hpp declares.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "spankey/core/error.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/safetensors.hpp"

namespace spankey {

safetensors_file safetensors_file::open(const std::string& path, index_t largest) {
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

safetensors_file safetensors_file::from_memory(std::span<const std::byte> bytes, std::string_view name) {
  const std::string where = printable(name);
  const index_t size = static_cast<index_t>(bytes.size());
  check_prefix_size(size, where);
  const index_t header_bytes = header_length(bytes.data(), size, where);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8,
                              static_cast<std::size_t>(header_bytes));
  return {where, parse_safetensors_header(text, size - 8 - header_bytes, where), nullptr,
          bytes.data() + 8 + header_bytes};
}

const stored_tensor& safetensors_file::require(std::string_view name, dtype type,
                                               const std::vector<index_t>& shape,
                                               std::string_view where) const& {
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

safetensors_file::safetensors_file(const std::string& name, const safetensors_header& header,
                                   std::unique_ptr<std::byte[]> owned, const std::byte* data)
    : name_(name), owned_(std::move(owned)), metadata_(header.metadata) {
  for (const auto& [tensor, entry] : header.tensors) {
    tensors_.try_emplace(
        tensor, stored_tensor{entry.type,
                              entry.shape,
                              {data + entry.begin, static_cast<std::size_t>(entry.end - entry.begin)}});
  }
}

void safetensors_file::check_prefix_size(index_t size, std::string_view where) {
  if (size < 8)
    fail("safetensors.101", where, "expected at least 8 bytes (the header's length), found ", size);
}

std::string_view safetensors_file::other_format(const std::byte* prefix) {
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

index_t safetensors_file::header_length(const std::byte* prefix, index_t file_bytes, std::string_view where) {
  std::uint64_t length = 0;
  std::memcpy(&length, prefix, sizeof length);
  const bool too_long = length > static_cast<std::uint64_t>(safetensors_header_cap);
  if (const std::string_view found = too_long ? other_format(prefix) : std::string_view(); !found.empty())
    fail("safetensors.113", where, "expected a safetensors file, found ", found);
  if (too_long) {
    fail("safetensors.102", where, "expected a header of at most ", safetensors_header_cap, " bytes, found ",
         length);
  }
  if (length > static_cast<std::uint64_t>(file_bytes - 8)) {
    fail("safetensors.103", where, "expected a header of ", length, " bytes, found ", file_bytes - 8,
         " bytes in the file");
  }
  return static_cast<index_t>(length);
}

}  // namespace spankey
