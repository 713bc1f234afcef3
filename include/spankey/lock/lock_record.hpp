// What a locked network says about its lock, in a file of its own beside the weights.
//
//   safetensors; metadata "lock" = its kind and version, "nonce" = 32 hexadecimal digits, "names" = 64 of them, and what the kind
//   adds; a tensor U8 for everything that was locked, by its name: bytes that are sealed under the key (key/sealed_bytes.hpp)
// "names" is an HMAC of the names of all tensors under the key: a file from which some were cut is found out, as a changed one
// is by its seals. Nothing in it is secret, and it opens nothing without the key.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/file/safetensors.hpp"
#include "spankey/file/safetensors_writer.hpp"
#include "spankey/key/derivation.hpp"
#include "spankey/key/sealed_bytes.hpp"

namespace spankey {

/// Whether a wrong key is an error, or gives what it gives: somebody measures that.
enum class key_check { required, skipped };

class lock_record {
 public:
  std::string kind;                                      // "entangled 2"
  std::array<std::byte, 16> nonce{};                     // of the derived keys: another one for every lock
  std::map<std::string, std::string> notes;              // what the kind adds
  std::map<std::string, std::vector<std::byte>> sealed;  // by what was locked

  std::array<std::byte, secret_bytes::size> names{};  // their HMAC

  /// A fresh one, of nothing yet.
  explicit lock_record(std::string_view of_kind) : kind(of_kind) {
    prepare_sodium();
    randombytes_buf(nonce.data(), nonce.size());
  }

  /// `about` tells its place and extents: bytes of another place do not open there.
  void add(const master_key& key, const std::string& name, const std::string& about,
           std::span<const std::byte> bytes) {
    sealed[name] = seal(bytes, kind + "|" + name + "|" + about, derive(key, {"seal", name, nonce}));
    const secret_bytes found = mark_of_names(key);
    std::copy(found.bytes().begin(), found.bytes().end(), names.begin());
  }
  /// Fails with lock.132 where something was added or taken out with another key than this one, or without.
  void require_whole(const master_key& key) const {
    if (!(mark_of_names(key) == secret_bytes(names)))
      fail("lock.132", "lock", "found ", sealed.size(),
           " sealed entries, expected exactly those that were locked: some were taken out, or put in");
  }
  /// Nothing where the key is another one, or a byte was changed, or there is no such name.
  [[nodiscard]] std::optional<secret_vector<std::byte>> opened(const master_key& key, const std::string& name,
                                                               const std::string& about) const {
    const auto found = sealed.find(name);
    if (found == sealed.end()) return std::nullopt;
    return spankey::opened(found->second, kind + "|" + name + "|" + about,
                           derive(key, {"seal", name, nonce}));
  }
  /// The same; fails with lock.102.
  [[nodiscard]] secret_vector<std::byte> open(const master_key& key, const std::string& name,
                                              const std::string& about) const {
    std::optional<secret_vector<std::byte>> found = opened(key, name, about);
    if (!found)
      fail("lock.102", name, "found a key that does not open this lock, or a lock that was changed");
    return std::move(*found);
  }

  /// What the file holds, without its checksums.
  [[nodiscard]] safetensors_writer contents() const {
    safetensors_writer writer;
    for (const auto& [name, text] : notes) writer.set_metadata(name, text);
    writer.set_metadata("lock", kind);
    writer.set_metadata("nonce", hexadecimal(nonce));
    writer.set_metadata("names", hexadecimal(names));
    for (const auto& [name, bytes] : sealed)
      writer.add(name, dtype::u8, {static_cast<index_t>(bytes.size())}, bytes);
    return writer;
  }
  /// Writes the file, whole or not at all. Errors: io.111 to io.115.
  void save(const std::string& path) const {
    safetensors_writer writer = contents();
    writer.add_checksums();
    writer.write(path);
  }
  /// Fails with lock.103 where the file is no lock of this kind, and where its checksums do not fit.
  static lock_record read(const safetensors_file& file, std::string_view kind) {
    check_checksums(file, false);
    lock_record lock(kind);
    for (const auto& [name, text] : file.metadata())
      if (!name.starts_with("crc32")) lock.notes.emplace(name, text);
    if (lock.notes["lock"] != kind || !read_hexadecimal(lock.notes["nonce"], lock.nonce) ||
        !read_hexadecimal(lock.notes["names"], lock.names))
      fail("lock.103", file.name(), "expected a lock of the kind \"", kind, "\"");
    for (const auto& [name, tensor] : file.tensors()) {
      if (tensor.type != dtype::u8 || tensor.bytes.size() < sealed_overhead)
        fail("lock.103", file.name(), "expected sealed bytes of everything that is locked");
      lock.sealed.emplace(name, std::vector<std::byte>(tensor.bytes.begin(), tensor.bytes.end()));
    }
    return lock;
  }
  /// The same from a path; fails as safetensors_file::open does, too.
  static lock_record load(const std::string& path, std::string_view kind) {
    return read(safetensors_file::open(path), kind);
  }
  /// The kind of a lock's file. Fails with lock.103 where it is none.
  static std::string kind_of(const std::string& path) {
    const safetensors_file file = safetensors_file::open(path);
    const auto found = file.metadata().find("lock");
    if (found == file.metadata().end()) fail("lock.103", file.name(), "expected a lock");
    return found->second;
  }

 private:
  [[nodiscard]] secret_bytes mark_of_names(const master_key& key) const {
    std::string text = kind;
    for (const auto& [name, bytes] : sealed) text += "|" + std::to_string(name.size()) + ":" + name;
    return derive(key, {"names", text, nonce});
  }
  static std::string hexadecimal(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte b : bytes)
      for (const int shift : {4, 0}) text += "0123456789abcdef"[static_cast<unsigned>(b) >> shift & 15U];
    return text;
  }
  static bool read_hexadecimal(const std::string& text, std::span<std::byte> bytes) {
    if (text.size() != 2 * bytes.size()) return false;
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::size_t digit = std::string_view("0123456789abcdef").find(text[i]);
      if (digit == std::string_view::npos) return false;
      bytes[i / 2] = static_cast<std::byte>(static_cast<unsigned>(bytes[i / 2]) << 4 | digit);
    }
    return true;
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
