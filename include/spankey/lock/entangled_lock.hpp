// The lock of a network whose layers stand behind channel maps (lock/entangled.hpp): for every layer the numbers of its map that
// do not follow from the key (lock/channel_map.hpp), or none.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <cstring>
#include <span>
#include <string>

#include "spankey/key/derivation.hpp"
#include "spankey/lock/channel_map.hpp"
#include "spankey/lock/lock_record.hpp"

namespace spankey {

class entangled_lock {
 public:
  static constexpr std::string_view kind = "entangled 2";

  lock_record record{kind};

  [[nodiscard]] bool norms_folded() const {
    return record.notes.contains("norms") && record.notes.at("norms") == "folded";
  }
  void note_norms(bool folded) { record.notes["norms"] = folded ? "folded" : "kept"; }

  /// The rotation of a layer's C channels, which follows from the key.
  [[nodiscard]] channel_map map_of(const master_key& key, const std::string& layer, index_t channels) const {
    key_stream numbers(derive(key, {"rotate", layer, record.nonce}));
    return channel_map(rotation(channels, numbers));
  }
  /// Adds a layer with what is to be sealed of its map.
  void add(const master_key& key, const std::string& layer, const channel_map& map) {
    const secret_vector<float> root = map.root();
    record.add(key, layer, std::to_string(map.channels()), std::as_bytes(std::span(root)));
  }
  /// The map as it was added. Fails with lock.102 where the key is another one, or the file was changed, unless a wrong
  /// key is wanted: then its rotation, without the sealed part.
  [[nodiscard]] channel_map opened_map(const master_key& key, const std::string& layer, index_t channels,
                                       key_check check) const {
    channel_map map = map_of(key, layer, channels);
    const std::string about = std::to_string(channels);
    const secret_vector<std::byte> bytes =
        check == key_check::required ? record.open(key, layer, about)
                                     : record.opened(key, layer, about).value_or(secret_vector<std::byte>());
    if (bytes.empty()) return map;
    secret_vector<float> root(bytes.size() / sizeof(float));
    std::memcpy(root.data(), bytes.data(), root.size() * sizeof(float));
    map.use_root(root);
    return map;
  }

  void save(const std::string& path) const { record.save(path); }
  /// Fails with lock.103 where the file is no such lock.
  static entangled_lock load(const std::string& path) {
    entangled_lock lock;
    lock.record = lock_record::load(path, kind);
    return lock;
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
