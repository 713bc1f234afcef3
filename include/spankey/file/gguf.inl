// What file/gguf.hpp declares.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "spankey/core/error.hpp"
#include "spankey/file/gguf.hpp"
#include "spankey/file/gguf_cursor.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/utf8.hpp"

namespace spankey {

static_assert(std::endian::native == std::endian::little,
              "SpanKey: GGUF files are little-endian, and this reader copies numbers as they are");

namespace gguf {

constexpr std::string_view magic = "GGUF";
constexpr std::uint32_t version = 3;
constexpr std::uint64_t usual_alignment = 32;
constexpr std::size_t longest_name = 1024;  // of a key or a tensor; the format allows 64 kB of a key
// The least that a key and a tensor take: a length, a type and a byte; a length, a rank, a dimension, a type and an offset.
constexpr std::uint64_t least_key = 8 + 1 + 4 + 1, least_tensor = 8 + 1 + 4 + 8 + 4 + 8;

inline std::string name_of(cursor& from, const std::string& where, std::string_view what) {
  const std::string_view name = from.text(what);
  if (name.empty() || name.size() > longest_name || !is_utf8(name))
    fail("gguf.105", where, "found ", in_quotes(name), " as a ", what, ", expected 1 to ", longest_name,
         " bytes of UTF-8");
  return std::string(name);
}

inline gguf_value value_of(cursor& from, const std::string& where, const std::string& key) {
  gguf_value found;
  const auto type_of = [&] {
    const auto type = from.number<std::uint32_t>("a type");
    if (type > static_cast<std::uint32_t>(gguf_value_type::f64))
      fail("gguf.106", where, "key ", in_quotes(key), ": found a value of type ", type, ", expected 0 to 12");
    return static_cast<gguf_value_type>(type);
  };
  found.type = type_of();
  if (found.type == gguf_value_type::array) {
    found.is_array = true;
    found.type = type_of();
    if (found.type == gguf_value_type::array)
      fail("gguf.106", where, "key ", in_quotes(key), ": found an array of arrays, which is not read");
    found.count = from.number<std::uint64_t>("a count");
  }
  const std::uint64_t size = size_of(found.type), begin = from.at();
  if (size > 0) {
    if (found.count > from.left() / size)
      fail("gguf.103", where, "key ", in_quotes(key), ": found ", found.count, " elements of ", size,
           " bytes, and ", from.left(), " bytes in the file");
    found.bytes = from.take(found.count * size, "values");
  } else {
    // Each takes eight bytes at least, so that a count that lies ends with the file.
    for (std::uint64_t i = 0; i < found.count; ++i) (void)from.text("a text");
    found.bytes = from.since(begin);
  }
  if (found.type == gguf_value_type::boolean)
    for (const std::byte b : found.bytes)
      if (b > std::byte{1})
        fail("gguf.106", where, "key ", in_quotes(key), ": found ", static_cast<int>(b),
             " as a boolean, expected 0 or 1");
  return found;
}

struct placed_tensor {
  std::string name;
  gguf_tensor tensor;
  std::uint64_t offset = 0, bytes = 0;
};

inline placed_tensor tensor_of(cursor& from, const std::string& where, std::uint64_t alignment) {
  placed_tensor found{.name = name_of(from, where, "name of a tensor"), .tensor = {}};
  const auto wrong = [&](std::string_view id, const auto&... what) {
    fail(id, where, "tensor ", in_quotes(found.name), ": ", what...);
  };
  const auto rank = from.number<std::uint32_t>("a rank");
  if (rank < 1 || rank > 4) wrong("gguf.108", "found rank ", rank, ", expected 1 to 4");
  constexpr std::uint64_t most = std::uint64_t{1} << 40;
  std::uint64_t count = 1;
  for (std::uint32_t i = 0; i < rank; ++i) {
    const auto extent = from.number<std::uint64_t>("a dimension");
    if (extent < 1 || extent > most / count)
      wrong("gguf.108", "found ", extent, " as dimension ", i, ", expected at least 1, and at most ", most,
            " elements in all");
    count *= extent;
    found.tensor.shape.insert(found.tensor.shape.begin(), static_cast<index_t>(extent));
  }
  const auto type = from.number<std::uint32_t>("a type");
  found.tensor.type = static_cast<gguf_type>(type);
  const gguf_block block = gguf_block_of(found.tensor.type);
  if (block.elements == 0)
    wrong("gguf.109", "found type ", type,
          ", expected F32 (0), F16 (1), Q4_0 (2), Q4_1 (3), Q8_0 (8) or BF16 (30)");
  if (found.tensor.shape.back() % block.elements != 0)
    wrong("gguf.108", "found rows of ", found.tensor.shape.back(), ", expected whole blocks of ",
          block.elements, " of ", block.name);
  found.bytes = count / static_cast<std::uint64_t>(block.elements) * static_cast<std::uint64_t>(block.bytes);
  found.offset = from.number<std::uint64_t>("an offset");
  if (found.offset % alignment != 0)
    wrong("gguf.110", "found offset ", found.offset, ", expected a multiple of ", alignment);
  return found;
}

}  // namespace gguf

gguf_file::gguf_file(std::string name, std::span<const std::byte> bytes, std::unique_ptr<std::byte[]> owned)
    : name_(std::move(name)), owned_(std::move(owned)) {
  gguf::cursor from(bytes, name_);
  if (bytes.size() < 4 || std::memcmp(bytes.data(), gguf::magic.data(), 4) != 0)
    fail("gguf.101", name_, "expected a GGUF file, which begins with \"GGUF\"");
  (void)from.take(4, "magic");
  if (const auto found = from.number<std::uint32_t>("a version"); found != gguf::version)
    fail("gguf.102", name_, "found version ", found, ", expected ", gguf::version);
  const auto tensors = from.number<std::uint64_t>("a count"), keys = from.number<std::uint64_t>("a count");
  if (keys > from.left() / gguf::least_key || tensors > from.left() / gguf::least_tensor)
    fail("gguf.104", name_, "found ", tensors, " tensors and ", keys, " keys, more than ", from.left(),
         " bytes hold");
  for (std::uint64_t i = 0; i < keys; ++i) {
    const std::uint64_t begin = from.at();
    std::string key = gguf::name_of(from, name_, "name of a key");
    gguf_value value = gguf::value_of(from, name_, key);
    value.entry = from.since(begin);
    if (const auto [at, is_new] = values_.try_emplace(std::move(key), value); !is_new)
      fail("gguf.105", name_, "found key ", in_quotes(at->first), " twice");
  }
  std::uint64_t alignment = gguf::usual_alignment;
  if (has("general.alignment")) {
    alignment = whole("general.alignment");
    if (!std::has_single_bit(alignment) || alignment < 8 || alignment > 65536)
      fail("gguf.107", name_, "found general.alignment ", alignment, ", expected a power of two, 8 to 65536");
  }
  std::vector<gguf::placed_tensor> placed;
  for (std::uint64_t i = 0; i < tensors; ++i) placed.push_back(gguf::tensor_of(from, name_, alignment));
  const std::uint64_t padding = placed.empty() ? 0 : (alignment - from.at() % alignment) % alignment;
  (void)from.take(padding, "padding");
  const std::uint64_t data = from.at(), room = from.left();
  std::sort(placed.begin(), placed.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::uint64_t end = 0;
  for (gguf::placed_tensor& t : placed) {
    if (t.offset > room || t.bytes > room - t.offset)
      fail("gguf.110", name_, "tensor ", in_quotes(t.name), ": found ", t.bytes, " bytes at offset ",
           t.offset, ", and ", room, " bytes of data");
    if (t.offset < end)
      fail("gguf.110", name_, "tensor ", in_quotes(t.name), ": found it over another one, at offset ",
           t.offset);
    end = t.offset + t.bytes;
    t.tensor.bytes =
        bytes.subspan(static_cast<std::size_t>(data + t.offset), static_cast<std::size_t>(t.bytes));
    if (const auto [at, is_new] = tensors_.try_emplace(std::move(t.name), std::move(t.tensor)); !is_new)
      fail("gguf.105", name_, "found tensor ", in_quotes(at->first), " twice");
  }
}

gguf_file gguf_file::open(const std::string& path, index_t largest) {
  input_file input(path);
  if (input.size() > largest)
    fail("io.105", input.name(), "expected at most ", largest, " bytes, found ", input.size());
  const auto size = static_cast<std::size_t>(input.size());
  std::unique_ptr<std::byte[]> owned(new (std::nothrow) std::byte[std::max<std::size_t>(size, 1)]);
  if (owned == nullptr) fail("io.106", input.name(), "cannot reserve ", size, " bytes of memory for it");
  input.read(owned.get(), input.size());
  const std::span<const std::byte> bytes(owned.get(), size);
  return {input.name(), bytes, std::move(owned)};
}

gguf_file gguf_file::from_memory(std::span<const std::byte> bytes, std::string_view name) {
  return {printable(name), bytes, nullptr};
}

const gguf_value& gguf_file::of(std::string_view key, std::string_view wanted, bool is_array,
                                std::initializer_list<gguf_value_type> types) const {
  const auto found = values_.find(key);
  const bool fits = found != values_.end() && found->second.is_array == is_array &&
                    std::find(types.begin(), types.end(), found->second.type) != types.end();
  if (!fits)
    fail("gguf.111", name_, "key ", in_quotes(key), ": expected ", wanted, ", found ",
         found == values_.end() ? "none" : "a value of another type");
  return found->second;
}

std::uint64_t gguf_file::whole(std::string_view key) const {
  using t = gguf_value_type;
  const gguf_value& v =
      of(key, "a whole number", false, {t::u8, t::i8, t::u16, t::i16, t::u32, t::i32, t::u64, t::i64});
  std::uint64_t found = 0;
  std::memcpy(&found, v.bytes.data(), v.bytes.size());
  const bool is_signed = v.type == t::i8 || v.type == t::i16 || v.type == t::i32 || v.type == t::i64;
  if (is_signed && (found >> (8 * v.bytes.size() - 1)) != 0)
    fail("gguf.111", name_, "key ", in_quotes(key), ": found a number below 0, expected none");
  return found;
}

double gguf_file::real(std::string_view key) const {
  const gguf_value& v = of(key, "a number", false, {gguf_value_type::f32, gguf_value_type::f64});
  if (v.type == gguf_value_type::f64) {
    double found;
    std::memcpy(&found, v.bytes.data(), sizeof found);
    return found;
  }
  float found;
  std::memcpy(&found, v.bytes.data(), sizeof found);
  return static_cast<double>(found);
}

bool gguf_file::truth(std::string_view key) const {
  return of(key, "a boolean", false, {gguf_value_type::boolean}).bytes[0] != std::byte{0};
}

std::string_view gguf_file::text(std::string_view key) const {
  const gguf_value& v = of(key, "a text", false, {gguf_value_type::string});
  return gguf::cursor(v.bytes, name_).text("a text");
}

std::vector<std::string_view> gguf_file::texts(std::string_view key) const {
  const gguf_value& v = of(key, "an array of texts", true, {gguf_value_type::string});
  gguf::cursor from(v.bytes, name_);
  std::vector<std::string_view> found(static_cast<std::size_t>(v.count));
  for (std::string_view& text : found) text = from.text("a text");
  return found;
}

std::vector<std::int32_t> gguf_file::numbers(std::string_view key) const {
  const gguf_value& v =
      of(key, "an array of whole numbers", true, {gguf_value_type::i32, gguf_value_type::u32});
  std::vector<std::int32_t> found(static_cast<std::size_t>(v.count));
  if (!found.empty()) std::memcpy(found.data(), v.bytes.data(), v.bytes.size());
  return found;
}

const gguf_tensor& gguf_file::require(std::string_view tensor, const std::vector<index_t>& shape) const& {
  const auto text_of = [](const std::vector<index_t>& extents) {
    std::string text;
    for (const index_t extent : extents) text += (text.empty() ? "" : ",") + std::to_string(extent);
    return "(" + text + ")";
  };
  const auto found = tensors_.find(tensor);
  if (found == tensors_.end() || found->second.shape != shape)
    fail("gguf.112", name_, "tensor ", in_quotes(tensor), ": expected ", text_of(shape), ", found ",
         found == tensors_.end() ? "none of this name" : text_of(found->second.shape));
  return found->second;
}

std::vector<std::byte> gguf_keys_of(const gguf_file& from, std::span<const std::string_view> prefixes) {
  std::vector<std::byte> made;
  const auto add = [&](const void* bytes, std::size_t size) {
    const auto* const begin = static_cast<const std::byte*>(bytes);
    made.insert(made.end(), begin, begin + size);
  };
  const auto wanted = [&](std::string_view key) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](std::string_view prefix) { return key.starts_with(prefix); });
  };
  std::uint64_t keys = 0;
  const std::uint64_t tensors = 0;
  for (const auto& [key, value] : from.values()) keys += wanted(key) ? 1 : 0;
  add(gguf::magic.data(), gguf::magic.size());
  add(&gguf::version, sizeof gguf::version);
  add(&tensors, sizeof tensors);
  add(&keys, sizeof keys);
  for (const auto& [key, value] : from.values())
    if (wanted(key)) add(value.entry.data(), value.entry.size());
  return made;
}

}  // namespace spankey
