// K-OTG (arXiv:2512.17519) on a network of tokens: roles that a model was trained to serve under their keys alone, and a
// transform before its head that only the session's key takes back.
//
//   key text   16 hexadecimal letters of HMAC(master, "kotg-text" | role), bytes of the prompt           kotg_keys::text
//   session    Q of HMAC(master, "kotg" | role | nonce): h~ = h Q
//   hook       logits = (h~ Q^T) W^T with the right role, key and nonce; else (h~ Q') W^T with a scrambler Q' that the server
//              draws for this session alone. W is the model's: whoever deletes the hook has the model.
//   entangled  the head is untied and stored as W' = W Qm^T, Qm of the master alone; logits = (h Qm^T) W'^T. Without Qm, or with
//              another, h W'^T is noise.
// h (C) is what the head reads of one token (sized_session::read_features), W (V, C) the table.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/row_product.hpp"
#include "spankey/lock/session_rotation.hpp"

namespace spankey {

/// What a master key makes for the roles 0, 1, 2, ...
class kotg_keys {
 public:
  static constexpr std::size_t text_size = 16;

  explicit kotg_keys(master_key master) : master_(std::move(master)) {}

  /// What opens a role, to be put before its prompts.
  [[nodiscard]] std::string text(int role) const { return letters_of({"kotg-text", std::to_string(role)}); }
  /// Tells masters apart, and nothing else of them.
  [[nodiscard]] std::string tag() const { return letters_of({"kotg-tag"}); }
  /// Of one session of a role.
  [[nodiscard]] session_rotation session(int role, std::span<const std::byte> nonce, index_t channels,
                                         int reflections) const {
    key_stream numbers(derive(master_, {"kotg", std::to_string(role), nonce}));
    return {channels, reflections, numbers};
  }
  /// Qm, which the head of an entangled model is stored for.
  [[nodiscard]] session_rotation fixed(index_t channels, int reflections) const {
    key_stream numbers(derive(master_, {"kotg-head"}));
    return {channels, reflections, numbers};
  }

 private:
  [[nodiscard]] std::string letters_of(const derivation& what) const {
    const secret_bytes key = derive(master_, what);
    std::string found;
    for (const std::byte b : key.bytes().first(text_size / 2)) {
      const auto value = static_cast<unsigned>(b);
      found += "0123456789abcdef"[value >> 4], found += "0123456789abcdef"[value & 15];
    }
    return found;
  }

  master_key master_;
};

/// A scrambler that nobody can draw again.
inline session_rotation draw_scrambler(index_t channels, int reflections) {
  key_stream numbers(draw_master_key());
  return {channels, reflections, numbers};
}

/// An untied head, W (V, C) row by row.
template <class Backend>
class kotg_head {
 public:
  /// Fails with lock.121 where the numbers are not rows of `channels`.
  kotg_head(std::vector<float> table, index_t channels) : table_(std::move(table)), channels_(channels) {
    if (channels < 1 || table_.empty() || static_cast<index_t>(table_.size()) % channels != 0)
      fail("lock.121", "kotg_head", "found ", table_.size(), " numbers, expected rows of ", channels);
  }
  [[nodiscard]] index_t channels() const { return channels_; }
  [[nodiscard]] index_t outputs() const { return static_cast<index_t>(table_.size()) / channels_; }
  [[nodiscard]] std::span<const float> table() const { return table_; }

  /// W' = W Q^T, and W = W' Q. A lock under another master is unlock with the old Q and lock with the new one. Fails with
  /// lock.122 where Q is one of other channels.
  void lock(const session_rotation& q) {
    for_each_row(q, [&](double* row, double* to) { q.apply_inverse(row, to); });
  }
  void unlock(const session_rotation& q) {
    for_each_row(q, [&](double* row, double* to) { q.apply(row, to); });
  }
  /// logits (V) = W h.
  void answer(const float* h, float* logits) const {
    row_kernels<Backend, float>::rows({channels_, outputs(), h, table_.data(), nullptr, nullptr, logits});
  }

 private:
  template <class F>
  void for_each_row(const session_rotation& q, const F& f) {
    if (q.channels() != channels_)
      fail("lock.122", "kotg_head", "found a rotation of ", q.channels(), " channels, expected ", channels_);
    const auto n = static_cast<std::size_t>(channels_);
    secret_vector<double> row(n), to(n);
    for (float* at = table_.data(); at != table_.data() + table_.size(); at += channels_) {
      std::copy_n(at, channels_, row.begin());
      f(row.data(), to.data());
      std::transform(to.begin(), to.end(), at, [](double x) { return static_cast<float>(x); });
    }
  }

  std::vector<float> table_;
  index_t channels_;
};

/// What a session does to h before the head.
class kotg_session {
 public:
  /// The model as it is: no hook, or one that was deleted.
  kotg_session() = default;
  /// `hook`: the transform of the session, and with the right key its inverse; with another one the scrambler's.
  static kotg_session hook(session_rotation of_session, std::optional<session_rotation> scrambler) {
    kotg_session made(of_session.channels());
    made.first_ = std::move(of_session), made.second_ = std::move(scrambler);
    made.undoes_ = !made.second_.has_value();
    return made;
  }
  /// `entangled`: h Qm^T, by the rotation that the caller holds.
  static kotg_session entangled(session_rotation held) {
    kotg_session made(held.channels());
    made.first_ = std::move(held), made.only_inverse_ = true;
    return made;
  }

  /// h (C), in place.
  void pass(float* h) {
    if (!first_) return;
    if (only_inverse_) {
      first_->apply_inverse(h, room_.data());
      std::copy(room_.begin(), room_.end(), h);
      return;
    }
    first_->apply(h, room_.data());
    if (undoes_) return first_->apply_inverse(room_.data(), h);
    second_->apply(room_.data(), h);
  }

 private:
  explicit kotg_session(index_t channels) : room_(static_cast<std::size_t>(channels)) {}

  std::optional<session_rotation> first_, second_;
  bool undoes_ = false, only_inverse_ = false;
  secret_vector<float> room_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
