// A trained, gated network inside somebody else's program: weights read in place, one block of working memory, a key
// that comes late and leaves when told to. Allocates nothing, throws nothing, prints nothing.
//
//   using network = small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>;
//   alignas(16) static std::byte memory[infer::session<network>::memory_bytes];
//   infer::session<network> session;
//   session.open(image, memory);      status: the image is checked against the types, and byte by byte
//   session.bind_file(key_bytes);     status: a key as convert writes it, checked against the image
//   session.bind(keys);               the same of raw numbers; multipliers are computed once, here
//   infer::answer<network> answer;
//   session.run(pixels, answer);      status: logits, semantic class, refused or not, with a key or without
//   session.run_normalised(x, answer);        the same of numbers that are normalised already
// Without a key it answers as the network does without a key, and says so. One session serves one thread at a time; a
// second one that calls open, bind or run meanwhile is answered status::busy in debug builds (core/single_entry.hpp), and
// wrong numbers in others.
// NaN and infinity open no gate: not in an image, a key or x, nor where sums grow to them. Each has a status, and an answer
// that no run filled in, or that came with another status than ok, is a refusal.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "spankey/core/secret.hpp"
#include "spankey/core/single_entry.hpp"
#include "spankey/infer/engine.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/infer/key_status.hpp"

namespace spankey::infer {

enum class key_state { none, bound };

/// What a network answers to one sample.
template <class Model>
struct answer {
  std::array<float, static_cast<std::size_t>(index_t(Model::outputs))> logits{};
  index_t semantic_class = 0;  // arg-max over the semantic classes, also where the network refuses
  bool rejected = true;        // by its reject class or its reject logit, or because there is no answer
  key_state key = key_state::none;
};

template <class Model, ImageWeight Weight = float>
class session {
  using gate = typename Model::gate_type;
  using layout = image_layout<Model, Weight>;
  using runs = engine<typename Model::backend_type, Weight>;
  static constexpr auto& operations = architecture<Model>::operations;
  static constexpr std::size_t sites = Model::sites.size();
  static constexpr std::size_t slot_count = architecture<Model>::slots;
  static constexpr int input_site = architecture<Model>::input_site;

  // Offsets in floats: prepared weights, and behind them what a key leaves traces in: slots, scratch, its effects.
  struct plan {
    std::array<std::size_t, operations.size()> prepared{};
    std::size_t traces = 0;
    std::array<std::size_t, slot_count> slot{};
    std::size_t scratch = 0, total = 0;
    std::array<std::size_t, sites> effect{};
  };
  static constexpr plan memory_plan = [] {
    std::array<index_t, slot_count> sizes{};
    index_t scratch = 0;
    sizes[0] = Model::input::size;  // pixels once they are normalised, or the input with its key
    for (const operation& op : operations) {
      index_t& size = sizes[static_cast<std::size_t>(op.writes)];
      size = std::max(size, op.out().size());
      scratch = std::max(scratch, runs::scratch_size(op));
    }
    plan p;
    const auto reserve = [&](index_t floats) {
      const std::size_t at = p.total;
      p.total += aligned(static_cast<std::size_t>(floats) * sizeof(float)) / sizeof(float);
      return at;
    };
    for (std::size_t i = 0; i < operations.size(); ++i)
      p.prepared[i] = reserve(runs::prepared_size(operations[i]));
    p.traces = p.total;
    for (std::size_t i = 0; i < slot_count; ++i) p.slot[i] = reserve(sizes[i]);
    p.scratch = reserve(scratch);
    for (std::size_t i = 0; i < sites; ++i)
      p.effect[i] = reserve(gate::sites::contains(static_cast<int>(i)) ? Model::sites[i].size() : 0);
    return p;
  }();

 public:
  /// Of the memory given to open(); a multiple of image_alignment.
  static constexpr std::size_t memory_bytes = memory_plan.total * sizeof(float);
  static constexpr std::size_t image_bytes = layout::bytes;

  session() = default;
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session() { wipe_key(); }

  /// Takes weights and memory, which must both outlive the session; a key that was bound is wiped. After an error the
  /// session is closed.
  status open(std::span<const std::byte> image, std::span<std::byte> memory) {
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    close();
    image_header header;
    if (const status s = check_image<Model, Weight>(image, header); s != status::ok) return s;
    for (std::size_t i = 0; i < 32; ++i)
      if ((header.sites >> i & 1U) != 0 && (i >= sites || !gate::sites::contains(static_cast<int>(i))))
        return status::image_sites;
    if (memory.size() < memory_bytes) return status::memory_size;
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % image_alignment != 0)
      return status::memory_alignment;
    if (checksum_of_image(image.data(), image.size()) != header.checksum) return status::image_checksum;
    if (!is_finite_image<Model, Weight>(image.data(), header)) return status::image_not_finite;
    image_ = image.data();
    memory_ = reinterpret_cast<float*>(memory.data());
    header_ = header;
    for (std::size_t i = 0; i < operations.size(); ++i)
      runs::prepare(operations[i], layout::view(image_, i), memory_ + memory_plan.prepared[i],
                    memory_ + memory_plan.scratch);
    return status::ok;
  }

  /// Binds one key for every site that takes one, in the order of the sites, each in (C, H, W) order and scaled as the
  /// key space scales it. Until this succeeds an earlier key stays bound.
  status bind(std::span<const std::span<const float>> keys) {
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    if (image_ == nullptr) return status::not_open;
    return bind_parts([&](std::size_t part) { return std::as_bytes(keys[part]); }, keys.size());
  }

  /// The same from the bytes of a key file (key/key_file.hpp), at any alignment; they may go afterwards. A damaged file, and
  /// a key that was issued for another network than the image's, are refused.
  status bind_file(std::span<const std::byte> file) {
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    if (image_ == nullptr) return status::not_open;
    key_file key;
    if (const status s = check_key_file<Model>(file, header_, key); s != status::ok) return s;
    return bind_parts([&](std::size_t part) { return key.values(part); }, key.sites());
  }

  /// Overwrites everything that the key left in the working memory: its effects, and activations that it changed.
  void wipe_key() {
    if (memory_ != nullptr)
      wipe(memory_ + memory_plan.traces, (memory_plan.total - memory_plan.traces) * sizeof(float));
    key_ = key_state::none;
  }
  void close() {
    wipe_key();
    image_ = nullptr, memory_ = nullptr;
  }

  [[nodiscard]] key_state key() const { return key_; }
  /// Semantic classes of the opened network.
  [[nodiscard]] index_t classes() const { return static_cast<index_t>(header_.classes); }

  /// Answers to an image, Model::input::size bytes in (H, W, C) order, which it normalises as in training. Fails with
  /// not_open, input_size, image_pixels, logits_not_finite; `found` is a refusal then, without logits.
  status run(std::span<const std::uint8_t> pixels, answer<Model>& found) {
    found = {};
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    if (image_ == nullptr) return status::not_open;
    if (pixels.size() != static_cast<std::size_t>(Model::input::size)) return status::input_size;
    if (header_.pixels.channels == 0) return status::image_pixels;
    if constexpr (Model::input::channels <= index_t{pixel_normalisation::most_channels}) {
      float* const x = slot(0);
      for (index_t i = 0; i < Model::input::size; ++i)
        x[i] = header_.pixels(pixels[static_cast<std::size_t>(i)], i % Model::input::channels);
      return forward(x, found);
    }
    return status::image_pixels;  // features: no image of them holds constants
  }
  /// Whoever divides by 255 and no more gets wrong answers: numbers have a call of their own, whose name says what it wants.
  template <class Numbers>
  requires(!std::is_convertible_v<const Numbers&, std::span<const std::uint8_t>>) status
      run(const Numbers&, answer<Model>&) {
    static_assert(!std::is_same_v<Numbers, Numbers>,
                  "SpanKey: run takes bytes and normalises them; numbers that are normalised already, "
                  "(byte/255 - mean) / deviation or features, go to run_normalised");
    return status::input_size;
  }
  /// Answers to x, Model::input::size numbers in (H, W, C) order, normalised as in training. Fails with not_open, input_size,
  /// input_not_finite, logits_not_finite; `found` is a refusal then, without logits.
  status run_normalised(std::span<const float> x, answer<Model>& found) {
    found = {};
    const single_entry::pass inside(entry_);
    if (!inside) return status::busy;
    if (image_ == nullptr) return status::not_open;
    if (x.size() != static_cast<std::size_t>(Model::input::size)) return status::input_size;
    return forward(x.data(), found);
  }

 private:
  status forward(const float* x, answer<Model>& found) {
    found.key = key_;
    if (!all_finite(x, Model::input::size)) return status::input_not_finite;
    const float* read[slot_count] = {x};
    if (const key_effect effect = effect_of(input_site); effect.values != nullptr) {
      float* const keyed = slot(0);
      for (index_t i = 0; i < Model::input::size; ++i) keyed[i] = effect.apply(x[i], i);
      read[0] = keyed;
    }
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const operation& op = operations[i];
      float* const y = slot(op.writes);
      runs::run(op, {.x = read[op.reads],
                     .weights = layout::view(image_, i),
                     .prepared = memory_ + memory_plan.prepared[i],
                     .residual = op.adds == no_slot ? nullptr : read[op.adds],
                     .key = effect_of(op.site),
                     .y = y,
                     .scratch = memory_ + memory_plan.scratch});
      read[op.writes] = y;
    }
    return read_answer(read[operations.back().writes], found);
  }
  float* slot(int number) { return memory_ + memory_plan.slot[static_cast<std::size_t>(number)]; }
  [[nodiscard]] bool takes_key(std::size_t site) const {
    return header_.injector != 0 && (header_.sites >> site & 1U) != 0;
  }
  [[nodiscard]] key_effect effect_of(int site) const {
    if (site == no_site || key_ == key_state::none || !takes_key(static_cast<std::size_t>(site))) return {};
    return {memory_ + memory_plan.effect[static_cast<std::size_t>(site)],
            header_.injector == static_cast<std::uint32_t>(injector_kind::multiplicative)};
  }
  // part(i): the floats of the i-th site that takes a key, as bytes.
  template <class Part>
  status bind_parts(Part part, std::size_t count) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < sites; ++i) {
      if (!takes_key(i)) continue;
      if (next == count) return status::key_site;
      if (part(next++).size() != static_cast<std::size_t>(Model::sites[i].size()) * sizeof(float))
        return status::key_size;
    }
    if (next != count) return status::key_site;
    next = 0;
    for (std::size_t i = 0; i < sites; ++i)
      if (takes_key(i) && !is_finite_key(i, part(next++).data())) return status::key_not_finite;
    next = 0;
    for (std::size_t i = 0; i < sites; ++i)
      if (takes_key(i)) compute_effect(i, part(next++).data());
    key_ = key_state::bound;
    return status::ok;
  }
  // f(i, k) for every number of a key in (C, H, W) order and the element that it meets.
  template <class F>
  static void for_each_key_element(std::size_t site, const std::byte* key, F&& f) {
    const extents& shape = Model::sites[site];
    for (index_t i = 0; i < shape.size(); ++i) {
      float k;
      std::memcpy(&k, key + static_cast<std::size_t>(file_index(shape, i)) * sizeof k, sizeof k);
      f(i, k);
    }
  }
  // What a number of a key does: the factor of an activation, or what is added to it.
  [[nodiscard]] float effect_of(float k) const {
    const bool multiplies = header_.injector == static_cast<std::uint32_t>(injector_kind::multiplicative);
    return multiplies ? multiplicative{.gamma = header_.gamma}.forward(1.0F, k)
                      : additive{.gamma = header_.gamma}.forward(0.0F, k);
  }
  [[nodiscard]] bool is_finite_key(std::size_t site, const std::byte* key) const {
    bool finite = true;
    for_each_key_element(
        site, key, [&](index_t, float k) { finite = finite && is_finite(k) && is_finite(effect_of(k)); });
    return finite;
  }
  void compute_effect(std::size_t site, const std::byte* key) {
    float* const effect = memory_ + memory_plan.effect[site];
    for_each_key_element(site, key, [&](index_t i, float k) { effect[i] = effect_of(k); });
  }
  // An answer is given where it may be, not refused where it must be: what cannot be compared stays a refusal.
  status read_answer(const float* logits, answer<Model>& found) const {
    if (!all_finite(logits, Model::outputs)) return status::logits_not_finite;
    std::copy_n(logits, found.logits.size(), found.logits.begin());
    found.semantic_class = arg_max(logits, static_cast<index_t>(header_.classes));
    const bool has_class = header_.softmax > header_.classes, has_logit = header_.aux != 0;
    const bool beats_class = !has_class || logits[found.semantic_class] >= logits[header_.classes];
    const bool beats_logit = !has_logit || logits[header_.softmax] <= 0;
    found.rejected = !(beats_class && beats_logit);
    return status::ok;
  }

  const std::byte* image_ = nullptr;
  float* memory_ = nullptr;
  image_header header_;
  key_state key_ = key_state::none;
  single_entry entry_;
};

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
