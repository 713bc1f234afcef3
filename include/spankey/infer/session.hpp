// A trained, gated network inside somebody else's program: weights read in place, one block of working memory, a key
// that comes late and leaves when told to. Allocates nothing, throws nothing, prints nothing.
//
//   using network = small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>;
//   alignas(16) static std::byte memory[infer::session<network>::memory_bytes];
//   infer::session<network> session;
//   session.open(image, memory);      status: the image is checked against the types, and byte by byte
//   session.bind_file(key_bytes);     status: a key as convert writes it, checked against the image
//   session.bind_file({.file = bytes, .key = own, .room = room}, cipher);      the same of a sealed key
//   session.bind(keys);               the same of raw numbers; multipliers are computed once, here
//   infer::answer<network> answer;
//   session.run(pixels, answer);      status: logits, semantic class, refused or not, with a key or without
//   session.run_normalised(x, answer);        the same of numbers that are normalised already
// A network of tokens (model/gpt.hpp) reads one after another, and keeps what its attentions need of them in the memory:
//   session.read(token, answer);      status: what comes behind the tokens read since restart()
// A locked network (lock/entangled.hpp) answers by chance until it is given the maps of its activations; its weights stay locked:
//   session.bind_maps(maps, map_memory);      status: maps as lock/activation_maps.hpp makes them, of this network
// Without a key it answers as the network does without a key, and says so; or, of an image that asks keys first
// (infer/image_guard.hpp), not at all: status::key_missing.
// One session serves one thread at a time. A second thread that calls open, bind or run meanwhile is answered
// status::busy in debug builds (core/single_entry.hpp), and gets wrong numbers in others.
// NaN and infinity open no gate: not in an image, a key or x, nor where sums grow to them. Each has a status. An answer
// that no run filled in, or that came with another status than ok, is a refusal.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "spankey/infer/sized_session.hpp"

namespace spankey::infer {

/// What a network answers to one sample, or behind one token.
template <class Model>
struct answer : verdict {
  std::array<float, static_cast<std::size_t>(index_t(Model::outputs))> logits{};
};

template <class Model, ImageWeight Weight = float>
class session
    : public sized_session<typename Model::backend_type, Weight, session_constants<Model, Weight>::kinds> {
  using sized = sized_session<typename Model::backend_type, Weight, session_constants<Model, Weight>::kinds>;
  static constexpr auto& tables = session_constants<Model, Weight>::tables;

 public:
  /// Of the memory given to open(); a multiple of image_alignment.
  static constexpr std::size_t memory_bytes = tables.total * sizeof(float);
  static constexpr std::size_t image_bytes = tables.image.bytes;
  /// Of the memory given to bind_maps(), besides: for locked networks only.
  static constexpr std::size_t map_memory_bytes = tables.mapped.total * sizeof(float);

  constexpr session() : sized(tables) {}

  /// Answers to an image, Model::input::size bytes in (H, W, C) order, which it normalises as in training. Fails with
  /// not_open, input_size, image_pixels, logits_not_finite; `found` is a refusal then, without logits.
  status run(std::span<const std::uint8_t> pixels, answer<Model>& found) {
    return sized::run(pixels, found.logits, found);
  }
  /// Numbers have a call of their own, whose name says what it wants: whoever divides by 255 and no more gets wrong
  /// answers.
  template <class Numbers>
  requires(!std::is_convertible_v<const Numbers&, std::span<const std::uint8_t>>) status
      run(const Numbers&, answer<Model>&) {
    static_assert(!std::is_same_v<Numbers, Numbers>,
                  "SpanKey: run takes bytes and normalises them; numbers that are normalised already, "
                  "(byte/255 - mean) / deviation or features, go to run_normalised");
    return status::input_size;
  }
  /// Answers to x, Model::input::size numbers in (H, W, C) order, normalised as in training. Fails with not_open,
  /// input_size, input_not_finite, logits_not_finite; `found` is a refusal then, without logits.
  status run_normalised(std::span<const float> x, answer<Model>& found) {
    return sized::run_normalised(x, found.logits, found);
  }
  /// Of a network of tokens: the next token, and what comes behind it; found.semantic_class is the likeliest of the tokens
  /// that are answers. Fails with not_open, token_range, window_full, logits_not_finite; `found` is a refusal then.
  status read(index_t token, answer<Model>& found) { return sized::read(token, found.logits, found); }
};

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
