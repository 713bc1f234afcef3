// A session of a network whose sizes are known at run time: all that infer/session.hpp says of one, on tables that
// outlive it. Allocates nothing, throws nothing, prints nothing.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "spankey/core/secret.hpp"
#include "spankey/core/single_entry.hpp"
#include "spankey/infer/image_guard.hpp"
#include "spankey/infer/key_effects.hpp"
#include "spankey/infer/key_status.hpp"
#include "spankey/infer/session_tables.hpp"
#include "spankey/infer/verdict.hpp"

namespace spankey::infer {

template <class Backend, ImageWeight Weight, kind_set Kinds = every_kind>
class sized_session {
  using runs = engine<Backend, Weight>;

 public:
  constexpr explicit sized_session(const session_tables& tables) : t_(tables) {}
  sized_session(const sized_session&) = delete;
  sized_session& operator=(const sized_session&) = delete;
  ~sized_session() { close(); }

  /// Takes weights and memory, which must both outlive the session; a key that was bound is wiped. After an error the
  /// session is closed.
  status open(std::span<const std::byte> image, std::span<std::byte> memory) {
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    close();
    image_header header;
    if (const status s = check_image<Weight>(t_.image, image, header); s != status::ok) return s;
    if (!knows_injector<Kinds>(header)) return status::image_model;
    if ((header.sites & ~t_.gate) != 0) return status::image_sites;
    if (memory.size() < t_.total * sizeof(float)) return status::memory_size;
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % image_alignment != 0)
      return status::memory_alignment;
    if (checksum_of_image(image.data(), image.size()) != header.checksum) return status::image_checksum;
    if (const status s = check_guard(header, t_.sites, image, t_.image.bytes); s != status::ok) return s;
    if (!is_finite_image<Weight>(t_.image, image.data(), header)) return status::image_not_finite;
    image_ = image.data();
    memory_ = reinterpret_cast<float*>(memory.data());
    header_ = header;
    for (std::size_t i = 0; i < operations().size(); ++i)
      runs::prepare(operations()[i], view_of<Weight>(image_, t_.image.parts[i]), memory_ + t_.prepared[i],
                    memory_ + t_.scratch);
    return status::ok;
  }

  /// Binds one key for every site that takes one, in the order of the sites, each in (C, H, W) order and scaled as the
  /// key space scales it. Until this succeeds an earlier key stays bound; where the image asks keys, one that is refused
  /// leaves none.
  status bind(std::span<const std::span<const float>> keys) {
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    if (image_ == nullptr) return status::not_open;
    return bind_parts([&](std::size_t part) { return std::as_bytes(keys[part]); }, keys.size());
  }

  /// The same from the bytes of a key file (key/key_file.hpp), at any alignment; they may go afterwards. A damaged file
  /// and a key that was issued for another network are refused.
  status bind_file(std::span<const std::byte> file) {
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    if (image_ == nullptr) return status::not_open;
    key_file key;
    if (const status s = check_key_file(t_.sites, file, header_, key); s != status::ok) return s;
    return bind_parts([&](std::size_t part) { return key.values(part); }, key.sites());
  }
  /// The same of a sealed key, by the cipher that the program has (key/sealed_bytes.hpp has libsodium's). Its room is wiped
  /// whatever comes of it.
  template <KeyCipher Cipher>
  status bind_file(const sealed_key_opening& from, const Cipher& cipher) {
    std::span<const std::byte> payload;
    status said = image_ == nullptr ? status::not_open : open_sealed_key(from, header_, cipher, payload);
    if (said == status::ok) said = bind_file(payload);
    wipe(from.room.data(), from.room.size());
    return said;
  }

  /// Of a locked network: the maps of its activations (lock/activation_maps.hpp), read in place, and map_memory_bytes of memory;
  /// both must outlive the session, or its release_maps(). Until this succeeds earlier maps stay bound.
  status bind_maps(std::span<const std::byte> maps, std::span<std::byte> memory) {
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    if (image_ == nullptr) return status::not_open;
    const status s = maps_.check(operations(), header_.network, t_.mapped, maps, memory);
    if (s != status::ok) return s;
    release_maps();
    maps_.bind(operations(), t_.mapped, maps, memory);
    return status::ok;
  }
  /// Forgets the maps, and overwrites every activation. The maps are the caller's to wipe (wipe_activation_maps).
  void release_maps() {
    maps_.release();
    const std::size_t effects = t_.effect.empty() ? t_.cache : t_.effect.front();  // a key stays bound
    wipe_floats(t_.traces, effects);
    wipe_floats(t_.cache, t_.total);
    restart();
  }
  /// Overwrites everything that the key left in the working memory: its effects, and activations that it changed.
  void wipe_key() {
    wipe_floats(t_.traces, t_.total);
    key_ = key_state::none;
    restart();
  }
  void close() {
    release_maps();
    wipe_key();
    image_ = nullptr, memory_ = nullptr;
  }

  /// Of a network of tokens: takes the next token of the window, and says what comes behind it: logits of the vocabulary,
  /// and whether the network refuses. What a window costs grows by a row of keys and values a token, not by passes over all
  /// of it. Fails with not_open, no_tokens, token_range, window_full, input_size, logits_not_finite; then `found` is a
  /// refusal, the logits are 0, and the window is as it was.
  status read(index_t token, std::span<float> logits, verdict& found) {
    const single_entry::pass inside(entry_);
    if (const status s = prepare_answer(inside, logits, found); s != status::ok) return s;
    if (const status s = may_read(token); s != status::ok) return s;
    found.key = key_;
    const status s = pass(nullptr, {token, position_, memory_ + t_.cache}, logits, found);
    if (s == status::ok) ++position_;
    return s;
  }
  /// The same up to the head, for a caller with a head of its own: what the head would have read of the token. Fails with
  /// busy, not_open, key_missing, no_tokens, token_range, window_full, input_size, logits_not_finite; then the window is as
  /// it was.
  status read_features(index_t token, std::span<float> features) {
    const single_entry::pass inside(entry_);
    if (const status s = may_answer(inside); s != status::ok) return s;
    if (const status s = may_read(token); s != status::ok) return s;
    if (features.size() != static_cast<std::size_t>(operations().back().in.channels))
      return status::input_size;
    const token_place at{token, position_, memory_ + t_.cache};
    const float* const found = run_first(operations().size() - 1, nullptr, at);
    if (!all_finite(found, operations().back().in.channels)) return status::logits_not_finite;
    std::copy_n(found, features.size(), features.begin());
    ++position_;
    return status::ok;
  }
  /// Begins a new window. A key that is bound or wiped does so, too.
  void restart() { position_ = 0; }
  /// Tokens of the window that were read, and how many there may be; 0 where the network reads no tokens.
  [[nodiscard]] index_t position() const { return position_; }
  [[nodiscard]] index_t context() const { return t_.context; }

  [[nodiscard]] key_state key() const { return key_; }
  /// Semantic classes of the opened network.
  [[nodiscard]] index_t classes() const { return static_cast<index_t>(header_.classes); }

  /// Answers to an image, as many bytes as the input has numbers, in (H, W, C) order, which it normalises as in
  /// training; `logits` has room for all outputs. Fails with not_open, input_size, image_pixels, logits_not_finite;
  /// then `found` is a refusal, and the logits are 0.
  status run(std::span<const std::uint8_t> pixels, std::span<float> logits, verdict& found) {
    const single_entry::pass inside(entry_);
    if (const status s = begin(inside, pixels.size(), logits, found); s != status::ok) return s;
    if (header_.pixels.channels == 0) return status::image_pixels;
    float* const x = slot(0);
    const index_t channels = t_.image.input.channels;
    for (index_t i = 0; i < t_.image.input.size(); ++i)
      x[i] = header_.pixels(pixels[static_cast<std::size_t>(i)], i % channels);
    return forward(x, logits, found);
  }
  /// Answers to x, as many numbers as the input has, in (H, W, C) order, normalised as in training. Fails with
  /// not_open, input_size, input_not_finite, logits_not_finite; then as above.
  status run_normalised(std::span<const float> x, std::span<float> logits, verdict& found) {
    const single_entry::pass inside(entry_);
    if (const status s = begin(inside, x.size(), logits, found); s != status::ok) return s;
    return forward(x.data(), logits, found);
  }

 private:
  void wipe_floats(std::size_t begin, std::size_t end) {
    if (memory_ != nullptr) wipe(memory_ + begin, (end - begin) * sizeof(float));
  }
  [[nodiscard]] std::span<const operation> operations() const { return t_.image.operations; }
  // Whether anything at all is answered.
  [[nodiscard]] status may_answer(const single_entry::pass& inside) const {
    if (!inside) return status::busy;
    if (image_ == nullptr) return status::not_open;
    return header_.asks_keys() && key_ == key_state::none ? status::key_missing : status::ok;
  }
  status prepare_answer(const single_entry::pass& inside, std::span<float> logits, verdict& found) const {
    found = {};
    std::fill(logits.begin(), logits.end(), 0.0F);
    if (const status s = may_answer(inside); s != status::ok) return s;
    return index_t(logits.size()) == index_t{t_.image.outputs} ? status::ok : status::input_size;
  }
  status begin(const single_entry::pass& inside, std::size_t values, std::span<float> logits,
               verdict& found) const {
    if (const status s = prepare_answer(inside, logits, found); s != status::ok) return s;
    if (t_.context > 0) return status::reads_tokens;
    return values == static_cast<std::size_t>(t_.image.input.size()) ? status::ok : status::input_size;
  }
  status forward(const float* x, std::span<float> logits, verdict& found) {
    found.key = key_;
    if (!all_finite(x, t_.image.input.size())) return status::input_not_finite;
    return pass(x, {}, logits, found);
  }
  [[nodiscard]] status may_read(index_t token) const {
    if (t_.context == 0) return status::no_tokens;
    if (token < 0 || token >= index_t{t_.image.outputs}) return status::token_range;
    return position_ == t_.context ? status::window_full : status::ok;
  }
  status pass(const float* x, const token_place& at, std::span<float> logits, verdict& found) {
    return judge(header_, t_.image.outputs, run_first(operations().size(), x, at), logits, found);
  }
  // So many operations; what the last of them wrote.
  const float* run_first(std::size_t count, const float* x, const token_place& at) {
    const float* read[operation_table::most_slots] = {x};
    if (const key_effect effect = effect_of(t_.input_site, t_.input_key, t_.image.input.channels, at);
        effect.values != nullptr) {
      float* const keyed = slot(0);
      for (index_t i = 0; i < t_.image.input.size(); ++i) keyed[i] = effect.apply(x[i], i);
      read[0] = keyed;
    }
    for (std::size_t i = 0; i < count; ++i) {
      const operation& op = operations()[i];
      float* const y = slot(op.writes);
      runs::template run<Kinds>(op, {.x = maps_.input_of(i, read[op.reads]),
                                     .weights = view_of<Weight>(image_, t_.image.parts[part_of(op, i)]),
                                     .prepared = memory_ + t_.prepared[i],
                                     .residual = op.adds == no_slot ? nullptr : read[op.adds],
                                     .key = effect_of(op.site, op.key, op.channels, at),
                                     .y = y,
                                     .scratch = memory_ + t_.scratch,
                                     .at = at});
      read[op.writes] = y;
    }
    return read[operations()[count - 1].writes];
  }
  // Whose weights an operation reads.
  static std::size_t part_of(const operation& op, std::size_t i) {
    return reads_tokens(Kinds) && op.kind == operation_kind::token_head ? 0 : i;
  }
  float* slot(int number) { return memory_ + t_.slot[static_cast<std::size_t>(number)]; }
  [[nodiscard]] bool takes_key(std::size_t site) const { return header_.takes_key(site); }
  // At a site of so many channels; of a window's key, what it does to one token.
  [[nodiscard]] key_effect effect_of(int site, key_shape key, index_t channels, const token_place& at) const {
    if (site == no_site || key_ == key_state::none || !takes_key(static_cast<std::size_t>(site)) ||
        header_.kind() == injector_kind::none)
      return {};
    const float* effect = memory_ + t_.effect[static_cast<std::size_t>(site)];
    if (reads<Kinds>(header_)) return {effect, true, key_shape::channel, channels, effect + channels};
    if constexpr (reads_tokens(Kinds))
      effect += at.position * (key == key_shape::element ? channels : key == key_shape::token ? 1 : 0);
    return {effect, multiplies(header_), key, channels};
  }
  // part(i): the floats of the i-th site that takes a key, as bytes.
  template <class Part>
  status bind_parts(Part part, std::size_t count) {
    const std::size_t sites = t_.sites.size();
    std::size_t next = 0;
    for (std::size_t i = 0; i < sites; ++i) {
      if (!takes_key(i)) continue;
      if (next == count) return status::key_site;
      if (part(next++).size() != static_cast<std::size_t>(t_.sites[i].size()) * sizeof(float))
        return status::key_size;
    }
    if (next != count) return status::key_site;
    for (std::size_t i = 0, k = 0; i < sites; ++i)
      if (takes_key(i) && !is_finite_key<Kinds>(header_, t_.keyed<Kinds>(i), part(k++).data()))
        return status::key_not_finite;
    if (!lets_key_in(header_, t_.sites, image_, t_.image.bytes, part)) {
      wipe_key();
      return status::key_refused;
    }
    for (std::size_t i = 0, k = 0; i < sites; ++i)
      if (takes_key(i))
        compute_effects<Backend, Kinds>(header_, t_.keyed<Kinds>(i), part(k++).data(),
                                        memory_ + t_.effect[i]);
    key_ = key_state::bound;
    restart();
    return status::ok;
  }

  const session_tables& t_;
  const std::byte* image_ = nullptr;
  float* memory_ = nullptr;
  image_header header_;
  key_state key_ = key_state::none;
  index_t position_ = 0;  // in the window of a network of tokens
  bound_maps<Backend> maps_;
  single_entry entry_;
};

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
