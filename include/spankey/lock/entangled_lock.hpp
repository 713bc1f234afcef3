// What a network that was locked with channel maps says about its lock, in a file of its own beside the weights.
//
//   safetensors; metadata "lock" = "entangled 1", "nonce" = 32 hexadecimal digits, "norms" = "folded" or "kept"
//   a tensor U8 for every locked layer, by the layer's name: the numbers of its map that do not follow from the key
//   (lock/channel_map.hpp), or none, sealed under the key (key/sealed_bytes.hpp)
// Nothing in it is secret, and it opens nothing without the key; a wrong key is found out by the seals.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "spankey/file/safetensors.hpp"
#include "spankey/file/safetensors_writer.hpp"
#include "spankey/key/derivation.hpp"
#include "spankey/key/sealed_bytes.hpp"
#include "spankey/lock/channel_map.hpp"

namespace spankey {

/// Whether a wrong key is an error, or gives what it gives: somebody measures that.
enum class key_check { required, skipped };

class entangled_lock {
 public:
  static constexpr std::string_view kind = "entangled 1";

  bool norms_folded = true;
  std::array<std::byte, 16> nonce{};
  std::map<std::string, std::vector<std::byte>> sealed;  // by the layer's name

  /// A fresh one, of no layer yet.
  static entangled_lock drawn() {
    prepare_sodium();
    entangled_lock lock;
    randombytes_buf(lock.nonce.data(), lock.nonce.size());
    return lock;
  }

  /// The rotation of a layer's C channels, which follows from the key.
  [[nodiscard]] channel_map map_of(const master_key& key, const std::string& layer, index_t channels) const {
    key_stream numbers(derive(key, {"rotate", layer, nonce}));
    return channel_map(rotation(channels, numbers));
  }
  /// Adds a layer with what is to be sealed of its map.
  void add(const master_key& key, const std::string& layer, const channel_map& map) {
    const secret_vector<float> root = map.root();
    sealed[layer] = seal(std::as_bytes(std::span(root)), about(layer, map.channels()),
                         derive(key, {"seal", layer, nonce}));
  }
  /// The map as it was added. Fails with lock.102 where the key is another one, or the file was changed, unless a wrong
  /// key is wanted: then its rotation, without the sealed part.
  [[nodiscard]] channel_map opened_map(const master_key& key, const std::string& layer, index_t channels,
                                       key_check check) const {
    channel_map map = map_of(key, layer, channels);
    secret_vector<std::byte> bytes;
    try {
      bytes = open_sealed(sealed.at(layer), about(layer, channels), derive(key, {"seal", layer, nonce}));
    } catch (const error&) {
      if (check == key_check::required)
        fail("lock.102", layer, "found a key that does not open this lock, or a lock that was changed");
      return map;
    }
    if (bytes.empty()) return map;
    secret_vector<float> root(bytes.size() / sizeof(float));
    std::memcpy(root.data(), bytes.data(), root.size() * sizeof(float));
    map.use_root(root);
    return map;
  }

  /// Writes the file, whole or not at all. Errors: io.111 to io.115.
  void save(const std::string& path) const {
    safetensors_writer writer;
    writer.set_metadata("lock", kind);
    writer.set_metadata("nonce", hexadecimal());
    writer.set_metadata("norms", norms_folded ? "folded" : "kept");
    for (const auto& [layer, bytes] : sealed)
      writer.add(layer, dtype::u8, {static_cast<index_t>(bytes.size())}, bytes);
    writer.add_checksums();
    writer.write(path);
  }
  /// Fails with lock.103 where the file is no lock, or one of a later version, and as safetensors_file::open does.
  static entangled_lock load(const std::string& path) {
    const safetensors_file file = safetensors_file::open(path);
    check_checksums(file, false);
    const auto entry = [&](const char* name) {
      const auto found = file.metadata().find(name);
      return found == file.metadata().end() ? std::string() : found->second;
    };
    entangled_lock lock;
    if (entry("lock") != kind || !lock.read_hexadecimal(entry("nonce")))
      fail("lock.103", file.name(), "expected a lock of the kind \"", kind, "\"");
    lock.norms_folded = entry("norms") == "folded";
    for (const auto& [layer, tensor] : file.tensors()) {
      if (tensor.type != dtype::u8 || tensor.bytes.size() < sealed_overhead)
        fail("lock.103", file.name(), "expected sealed bytes of every layer");
      lock.sealed.emplace(layer, std::vector<std::byte>(tensor.bytes.begin(), tensor.bytes.end()));
    }
    return lock;
  }

 private:
  static std::string about(const std::string& layer, index_t channels) {
    return std::string(kind) + "|" + layer + "|" + std::to_string(channels);
  }
  [[nodiscard]] std::string hexadecimal() const {
    std::string text;
    for (const std::byte b : nonce)
      for (const int shift : {4, 0}) text += "0123456789abcdef"[static_cast<unsigned>(b) >> shift & 15U];
    return text;
  }
  bool read_hexadecimal(const std::string& text) {
    if (text.size() != 2 * nonce.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::size_t digit = std::string_view("0123456789abcdef").find(text[i]);
      if (digit == std::string_view::npos) return false;
      nonce[i / 2] = static_cast<std::byte>(static_cast<unsigned>(nonce[i / 2]) << 4 | digit);
    }
    return true;
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
