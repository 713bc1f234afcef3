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
#include "spankey/infer/key_status.hpp"
#include "spankey/infer/session_tables.hpp"

namespace spankey::infer {

enum class key_state { none, bound };

/// What a network says to one sample beside its logits.
struct verdict {
  index_t semantic_class = 0;  // arg-max over the semantic classes, also where the network refuses
  bool rejected = true;        // by its reject class or its reject logit, or because there is no answer
  key_state key = key_state::none;
};

template <class Backend, ImageWeight Weight, kind_set Kinds = every_kind>
class sized_session {
  using runs = engine<Backend, Weight>;

 public:
  constexpr explicit sized_session(const session_tables& tables) : t_(tables) {}
  sized_session(const sized_session&) = delete;
  sized_session& operator=(const sized_session&) = delete;
  ~sized_session() { wipe_key(); }

  /// Takes weights and memory, which must both outlive the session; a key that was bound is wiped. After an error the
  /// session is closed.
  status open(std::span<const std::byte> image, std::span<std::byte> memory) {
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    close();
    image_header header;
    if (const status s = check_image<Weight>(t_.image, image, header); s != status::ok) return s;
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

  /// Overwrites everything that the key left in the working memory: its effects, and activations that it changed.
  void wipe_key() {
    if (memory_ != nullptr) wipe(memory_ + t_.traces, (t_.total - t_.traces) * sizeof(float));
    key_ = key_state::none;
    restart();
  }
  void close() {
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
    if (t_.context == 0) return status::no_tokens;
    if (token < 0 || token >= index_t{t_.image.outputs}) return status::token_range;
    if (position_ == t_.context) return status::window_full;
    found.key = key_;
    const status s = pass(nullptr, {token, position_, memory_ + t_.cache}, logits, found);
    if (s == status::ok) ++position_;
    return s;
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
  [[nodiscard]] std::span<const operation> operations() const { return t_.image.operations; }
  status prepare_answer(const single_entry::pass& inside, std::span<float> logits, verdict& found) const {
    found = {};
    std::fill(logits.begin(), logits.end(), 0.0F);
    if (!inside) return status::busy;
    if (image_ == nullptr) return status::not_open;
    if (header_.asks_keys() && key_ == key_state::none) return status::key_missing;
    const bool fits = logits.size() == static_cast<std::size_t>(index_t{t_.image.outputs});
    return fits ? status::ok : status::input_size;
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
  status pass(const float* x, const token_place& at, std::span<float> logits, verdict& found) {
    const float* read[operation_table::most_slots] = {x};
    if (const key_effect effect = effect_of(t_.input_site, t_.input_key, t_.image.input.channels, at);
        effect.values != nullptr) {
      float* const keyed = slot(0);
      for (index_t i = 0; i < t_.image.input.size(); ++i) keyed[i] = effect.apply(x[i], i);
      read[0] = keyed;
    }
    for (std::size_t i = 0; i < operations().size(); ++i) {
      const operation& op = operations()[i];
      float* const y = slot(op.writes);
      runs::template run<Kinds>(op, {.x = read[op.reads],
                                     .weights = view_of<Weight>(image_, t_.image.parts[part_of(op, i)]),
                                     .prepared = memory_ + t_.prepared[i],
                                     .residual = op.adds == no_slot ? nullptr : read[op.adds],
                                     .key = effect_of(op.site, op.key, op.channels, at),
                                     .y = y,
                                     .scratch = memory_ + t_.scratch,
                                     .at = at});
      read[op.writes] = y;
    }
    return read_answer(read[operations().back().writes], logits, found);
  }
  // Whose weights an operation reads.
  static std::size_t part_of(const operation& op, std::size_t i) {
    return reads_tokens(Kinds) && op.kind == operation_kind::token_head ? 0 : i;
  }
  float* slot(int number) { return memory_ + t_.slot[static_cast<std::size_t>(number)]; }
  [[nodiscard]] bool takes_key(std::size_t site) const { return header_.takes_key(site); }
  [[nodiscard]] bool multiplies() const { return header_.kind() == injector_kind::multiplicative; }
  // At a site of so many channels; of a window's key, what it does to one token.
  [[nodiscard]] key_effect effect_of(int site, key_shape key, index_t channels, const token_place& at) const {
    if (site == no_site || key_ == key_state::none || !takes_key(static_cast<std::size_t>(site)) ||
        header_.kind() == injector_kind::none)
      return {};
    const float* effect = memory_ + t_.effect[static_cast<std::size_t>(site)];
    if constexpr (reads_tokens(Kinds))
      effect += at.position * (key == key_shape::element ? channels : key == key_shape::token ? 1 : 0);
    return {effect, multiplies(), key, channels};
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
    next = 0;
    for (std::size_t i = 0; i < sites; ++i)
      if (takes_key(i) && !is_finite_key(i, part(next++).data())) return status::key_not_finite;
    if (!lets_key_in(header_, t_.sites, image_, t_.image.bytes, part)) {
      wipe_key();
      return status::key_refused;
    }
    next = 0;
    for (std::size_t i = 0; i < sites; ++i)
      if (takes_key(i)) compute_effect(i, part(next++).data());
    key_ = key_state::bound;
    restart();
    return status::ok;
  }
  // f(i, k) for every number of a key in (C, H, W) order and the element that it meets.
  template <class F>
  void for_each_key_element(std::size_t site, const std::byte* key, F&& f) const {
    const extents& shape = t_.sites[site];
    for (index_t i = 0; i < shape.size(); ++i) {
      float k;
      std::memcpy(&k, key + static_cast<std::size_t>(file_index(shape, i)) * sizeof k, sizeof k);
      f(i, k);
    }
  }
  // What a number of a key does: the factor of an activation, or what is added to it.
  [[nodiscard]] float effect_of(float k) const {
    return multiplies() ? multiplicative{.gamma = header_.gamma}.forward(1.0F, k)
                        : additive{.gamma = header_.gamma}.forward(0.0F, k);
  }
  [[nodiscard]] bool is_finite_key(std::size_t site, const std::byte* key) const {
    bool finite = true;
    // A factor lies between bounds, whatever the number; nobody pays for its tanh twice.
    const bool bounded = multiplies();
    for_each_key_element(site, key, [&](index_t, float k) {
      finite = finite && is_finite(k) && (bounded || is_finite(effect_of(k)));
    });
    return finite;
  }
  void compute_effect(std::size_t site, const std::byte* key) {
    float* const effect = memory_ + t_.effect[site];
    for_each_key_element(site, key, [&](index_t i, float k) { effect[i] = effect_of(k); });
  }
  // An answer is given where it may be, not refused where it must be: what cannot be compared stays a refusal.
  status read_answer(const float* found_logits, std::span<float> logits, verdict& found) const {
    if (!all_finite(found_logits, t_.image.outputs)) return status::logits_not_finite;
    std::copy_n(found_logits, logits.size(), logits.begin());
    found.semantic_class = arg_max(found_logits, static_cast<index_t>(header_.classes));
    const bool has_class = header_.softmax > header_.classes, has_logit = header_.aux != 0;
    const bool beats_class =
        !has_class || found_logits[found.semantic_class] >= found_logits[header_.classes];
    const bool beats_logit = !has_logit || found_logits[header_.softmax] <= 0;
    found.rejected = !(beats_class && beats_logit);
    return status::ok;
  }

  const session_tables& t_;
  const std::byte* image_ = nullptr;
  float* memory_ = nullptr;
  image_header header_;
  key_state key_ = key_state::none;
  index_t position_ = 0;  // in the window of a network of tokens
  single_entry entry_;
};

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
