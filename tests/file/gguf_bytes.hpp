// A GGUF file as bytes, sound or not: what tests of its reader and of what reads from it write.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace spankey::test {

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  std::vector<std::byte> made(values.size() * sizeof(T));
  if (!made.empty()) std::memcpy(made.data(), values.data(), made.size());
  return made;
}

class gguf_bytes {
 public:
  using bytes_type = std::vector<std::byte>;

  gguf_bytes& magic(const char* four) { return magic_ = four, *this; }
  gguf_bytes& version(std::uint32_t number) { return version_ = number, *this; }
  /// Counts that need not be true.
  gguf_bytes& claim(std::uint64_t tensors, std::uint64_t keys) {
    return lies_ = true, claimed_tensors_ = tensors, claimed_keys_ = keys, *this;
  }
  gguf_bytes& raw(const bytes_type& bytes) { return add(keys_, bytes), *this; }
  gguf_bytes& key(std::string_view name, std::uint32_t type, const bytes_type& value) {
    ++key_count_;
    add_text(keys_, name);
    add(keys_, bytes_of<std::uint32_t>({type}));
    add(keys_, value);
    return *this;
  }
  gguf_bytes& array(std::string_view name, std::uint32_t type, std::uint64_t count,
                    const bytes_type& elements) {
    bytes_type value = bytes_of<std::uint32_t>({type});
    add(value, bytes_of<std::uint64_t>({count}));
    add(value, elements);
    return key(name, 9, value);
  }
  gguf_bytes& u32(std::string_view name, std::uint32_t v) {
    return key(name, 4, bytes_of<std::uint32_t>({v}));
  }
  gguf_bytes& f32(std::string_view name, float v) { return key(name, 6, bytes_of<float>({v})); }
  gguf_bytes& boolean(std::string_view name, std::uint8_t v) {
    return key(name, 7, bytes_of<std::uint8_t>({v}));
  }
  gguf_bytes& text(std::string_view name, std::string_view v) {
    bytes_type value;
    add_text(value, v);
    return key(name, 8, value);
  }
  gguf_bytes& texts(std::string_view name, const std::vector<std::string>& all) {
    bytes_type elements;
    for (const std::string& one : all) add_text(elements, one);
    return array(name, 8, all.size(), elements);
  }
  gguf_bytes& i32s(std::string_view name, const std::vector<std::int32_t>& all) {
    return array(name, 5, all.size(), bytes_of(all));
  }
  /// dims: the innermost first, as in the file. Behind the tensors before it.
  gguf_bytes& tensor(std::string_view name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                     const bytes_type& data) {
    data_.resize((data_.size() + 31) / 32 * 32);
    return tensor_at(name, dims, type, data_.size(), data);
  }
  gguf_bytes& tensor_at(std::string_view name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                        std::uint64_t offset, const bytes_type& data) {
    ++tensor_count_;
    add_text(tensors_, name);
    add(tensors_, bytes_of<std::uint32_t>({static_cast<std::uint32_t>(dims.size())}));
    add(tensors_, bytes_of(dims));
    add(tensors_, bytes_of<std::uint32_t>({type}));
    add(tensors_, bytes_of<std::uint64_t>({offset}));
    add(data_, data);
    return *this;
  }
  [[nodiscard]] bytes_type bytes() const {
    bytes_type all;
    for (const char letter : magic_) all.push_back(static_cast<std::byte>(letter));
    add(all, bytes_of<std::uint32_t>({version_}));
    add(all, bytes_of<std::uint64_t>(
                 {lies_ ? claimed_tensors_ : tensor_count_, lies_ ? claimed_keys_ : key_count_}));
    add(all, keys_);
    add(all, tensors_);
    if (tensor_count_ > 0) all.resize((all.size() + 31) / 32 * 32);
    add(all, data_);
    return all;
  }

 private:
  static void add(bytes_type& to, const bytes_type& more) { to.insert(to.end(), more.begin(), more.end()); }
  static void add_text(bytes_type& to, std::string_view text) {
    add(to, bytes_of<std::uint64_t>({text.size()}));
    for (const char letter : text) to.push_back(static_cast<std::byte>(letter));
  }

  std::string magic_ = "GGUF";
  std::uint32_t version_ = 3;
  bool lies_ = false;
  std::uint64_t claimed_tensors_ = 0, claimed_keys_ = 0, tensor_count_ = 0, key_count_ = 0;
  bytes_type keys_, tensors_, data_;
};

}  // namespace spankey::test
