// One entry of a network's list (model/layer_list.hpp): what the layer is, its name, its shapes.
#pragma once

#include <array>
#include <string_view>

#include "spankey/backend/backend.hpp"
#include "spankey/core/key_shape.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/layer/options.hpp"

namespace spankey {

enum class layer_kind : unsigned char {
  site,
  conv2d,
  batch_norm2d,
  layer_norm,
  activation,
  dropout,
  max_pool2d,
  mean_pool2d,
  linear,
  embedding,
  tokens,
  token,
  project,
  attention,
  rotary,
  gated,
  head,
  residual,  // opens a block
  skip,      // ends F and begins the other path
  join       // adds both paths, and ends the block
};

/// What can be put before a layer (model/inserted_layers.hpp).
enum class inserted_kind : unsigned char { stitch, affine, accessory };

/// What is wrong with a list.
enum class list_fault : unsigned char {
  none,
  too_many,
  site_order,
  window,
  shapes_differ,
  block,
  fused,
  tokens,
  name,
  no_head,
  probability,
  adapters
};

constexpr std::string_view sentence_of(list_fault fault) {
  switch (fault) {
    case list_fault::none:
      return "nothing is wrong";
    case list_fault::too_many:
      return "a network has at most 512 layers";
    case list_fault::site_order:
      return "key sites are numbered 0, 1, 2, ... in data order, each once, and at most 32 of them";
    case list_fault::window:
      return "a layer has no outputs, a window that is larger than its input, or groups that do not divide "
             "its channels";
    case list_fault::shapes_differ:
      return "both paths of a residual block must have the same shape where they are added";
    case list_fault::block:
      return "a residual block is residual(name), layers, perhaps skip(name) and more layers, join()";
    case list_fault::fused:
      return "behind a batch norm or the sum of a block stands no activation or a ReLU; others are layers of "
             "their own";
    case list_fault::tokens:
      return "tokens lie in one column, T x 1: an embedding is the first layer and reads {2, T, 1}; there "
             "are as many "
             "positions as tokens, or more; attention reads 3C channels, or fewer keys and values, and its "
             "heads divide C; rotary positions turn heads of an even size; a gated activation reads as many "
             "gates as it lets through; maps side by side are two or three, with a name each; token() takes "
             "one of the T; a head of tokens has as many outputs as the embedding has rows";
    case list_fault::name:
      return "a layer's name is empty, longer than 63 letters with its block's, or was given before";
    case list_fault::probability:
      return "a dropout's probability is from 0 to below 1";
    case list_fault::adapters:
      return "adapters stand beside linear maps of tokens or features, with a rank of at least 1";
    case list_fault::no_head:
      return "a network ends with one head, and nothing stands behind it";
  }
  return "unknown";
}

/// A name of at most 63 letters that a constant can hold.
class layer_name {
 public:
  constexpr layer_name() = default;
  constexpr explicit layer_name(std::string_view text) { append(text); }
  /// False, and nothing appended, where there is no room.
  constexpr bool append(std::string_view text) {
    if (size_ + text.size() >= text_.size()) return false;
    for (const char letter : text) text_[size_++] = letter;
    return true;
  }
  constexpr bool append_number(int number) {
    char digits[12] = {};
    std::size_t at = sizeof digits;
    do digits[--at] = static_cast<char>('0' + number % 10);
    while ((number /= 10) > 0);
    return append({digits + at, sizeof digits - at});
  }
  constexpr void resize(std::size_t size) {
    while (size_ > size) text_[--size_] = '\0';
  }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 64> text_{};
  std::size_t size_ = 0;
};

/// "conv" and 2 make "conv2": names of a loop.
constexpr layer_name numbered(std::string_view text, int number) {
  layer_name name(text);
  name.append_number(number);
  return name;
}

struct layer_description {
  layer_kind kind = layer_kind::activation;
  layer_name name{};
  extents in{}, out{};
  activation after = activation::identity;  // of an activation, gated or not, a batch norm, a join
  conv2d_options conv{};
  pool2d_options pool{};
  batch_norm_options
      norm{};             // also of a layer norm, which has no momentum; without a shift it is an RMS norm
  linear_options map{};   // of a linear layer, a map of tokens or the head
  joint_outputs joint{};  // of a map of tokens that is several, side by side (layer/joint_project.hpp)
  tokens_options tokens{};
  attention_options attention{};
  rotary_options rotary{};
  index_t token = 0;       // the one that is taken
  index_t vocabulary = 0;  // rows of an embedding's table
  bool per_token = false;  // of a head: an answer for every token, by the embedding's table
  double drops = 0;        // probability of a dropout
  int site = -1;
  key_shape key = key_shape::element;  // of a site
  // Positions in the list. Of a block's end: where the block begins, where its skip path begins (its end, where it has
  // none), and which layer adds both paths: the batch norm before, or the end itself. Of its beginning: skip and join.
  std::size_t begin = 0, skip = 0, join = 0, sum = 0;
  bool takes_sum = false;  // of a batch norm: it adds the other path, and `after` is the block's

  [[nodiscard]] constexpr bool has_weights() const {
    return kind == layer_kind::conv2d || kind == layer_kind::linear || kind == layer_kind::embedding ||
           (kind == layer_kind::head && !per_token) || kind == layer_kind::project ||
           kind == layer_kind::tokens || (kind == layer_kind::batch_norm2d && (norm.scale || norm.shift)) ||
           (kind == layer_kind::layer_norm && norm.scale);
  }
  /// True where a file has something of it: weights, or running statistics.
  [[nodiscard]] constexpr bool has_tensors() const {
    return has_weights() || kind == layer_kind::batch_norm2d;
  }
};

}  // namespace spankey
