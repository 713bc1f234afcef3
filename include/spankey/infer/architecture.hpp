// A model as a constant table of operations, which is all that inference needs to know of it.
//
//   convolution   y = after(conv(x, w) + b + residual), linear layers being convolutions as large as their input;
//                 batch norm is folded into w and b (infer/image.hpp)
//   mean          y = mean of x over H and W
// after is, in this order: a site before the ReLU, the ReLU, 2x2 max-pool, a site behind them.
// Activations of one sample live in slots; an operation reads one, may add a second and writes one, which may be the
// one that it adds. Site 0 stands before the first operation.
#pragma once

#include <array>
#include <cstddef>

#include "spankey/core/shape.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/resnet18.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"

namespace spankey::infer {

enum class operation_kind { convolution, mean };

inline constexpr int no_slot = -1, no_site = -1;
inline constexpr int slot_count = 3;

struct operation {
  operation_kind kind = operation_kind::convolution;
  extents in{};
  index_t channels = 0;  // of the output
  index_t kernel = 1, stride = 1, padding = 0;
  bool relu = false, max_pool = false, site_first = false;  // site_first: the site stands before the ReLU
  int site = no_site;
  int reads = 0, adds = no_slot, writes = 1;

  /// Of the convolution, before its pool.
  [[nodiscard]] constexpr extents convolved() const {
    if (kind == operation_kind::mean) return {in.channels, 1, 1};
    const auto reduced = [&](index_t extent) { return (extent + 2 * padding - kernel) / stride + 1; };
    return {channels, reduced(in.height), reduced(in.width)};
  }
  [[nodiscard]] constexpr extents out() const {
    const extents whole = convolved();
    return max_pool ? extents{whole.channels, whole.height / 2, whole.width / 2} : whole;
  }
  [[nodiscard]] constexpr index_t weight_count() const {
    return kind == operation_kind::mean ? 0 : kernel * kernel * in.channels * channels;
  }
  [[nodiscard]] constexpr index_t bias_count() const { return kind == operation_kind::mean ? 0 : channels; }
};

/// y = w x + b of all elements of x.
constexpr operation linear_operation(const extents& in, index_t outputs, int reads, int writes) {
  return {.in = in, .channels = outputs, .kernel = in.height, .reads = reads, .writes = writes};
}

/// Convolution of odd size with the padding that keeps an image of stride 1 as large as it is.
constexpr operation same_convolution(const extents& in, index_t channels, index_t kernel, index_t stride) {
  return {.in = in, .channels = channels, .kernel = kernel, .stride = stride, .padding = kernel / 2};
}

/// architecture<Model>: name (of image files), operations.
template <class Model>
struct architecture;

template <head_outputs Outputs, class Gate, class Backend, class T>
struct architecture<mlp<Outputs, Gate, Backend, T>> {
  static constexpr const char* name = "mlp";
  static constexpr std::array<operation, 3> operations = [] {
    std::array<operation, 3> all = {linear_operation({20, 1, 1}, 64, 0, 1),
                                    linear_operation({64, 1, 1}, 32, 1, 2),
                                    linear_operation({32, 1, 1}, Outputs, 2, 0)};
    for (std::size_t i = 0; i < 2; ++i) {
      all[i].relu = all[i].site_first = true;
      all[i].site = static_cast<int>(i) + 1;
    }
    return all;
  }();
};

template <head_outputs Outputs, class Gate, class Backend, class T>
struct architecture<small_cnn<Outputs, Gate, Backend, T>> {
  static constexpr const char* name = "small_cnn";
  static constexpr std::array<operation, 3> operations = [] {
    std::array<operation, 3> all = {same_convolution({1, 28, 28}, 16, 3, 1),
                                    same_convolution({16, 14, 14}, 32, 3, 1),
                                    linear_operation({32, 7, 7}, Outputs, 0, 1)};
    for (std::size_t i = 0; i < 2; ++i) {
      all[i].relu = all[i].max_pool = true;
      all[i].site = static_cast<int>(i) + 1;
    }
    all[1].reads = 1, all[1].writes = 0;
    return all;
  }();
};

/// Builds the operations of a residual net: a stem, stages of two basic blocks, the mean, the head. Those with weights
/// stand in the order of PyTorch's names.
template <std::size_t Count>
struct residual_builder {
  std::array<operation, Count> all{};
  std::size_t count = 0;
  extents shape;
  int slot = 0;  // of the block's input

  constexpr void add(operation next, int reads, int adds, int writes) {
    next.reads = reads, next.adds = adds, next.writes = writes;
    all[count++] = next;
  }
  constexpr void stem(index_t channels) {
    operation conv = same_convolution(shape, channels, 3, 1);
    conv.relu = true, conv.site = 1;
    add(conv, 0, no_slot, 1);
    shape = conv.out(), slot = 1;
  }
  // In PyTorch's order: where the shape changes, the projection of the block's input comes last and adds conv2.
  constexpr void block(index_t channels, index_t stride) {
    const int inner = (slot + 1) % slot_count, other = (slot + 2) % slot_count;
    const bool projects = stride != 1 || shape.channels != channels;
    operation conv1 = same_convolution(shape, channels, 3, stride);
    operation conv2 = same_convolution(conv1.out(), channels, 3, 1);
    operation projection = same_convolution(shape, channels, 1, stride);
    conv1.relu = projection.relu = true;
    conv2.relu = !projects;
    add(conv1, slot, no_slot, inner);
    if (projects) {
      add(conv2, inner, no_slot, other);
      add(projection, slot, other, other);
      slot = other;
    } else {
      add(conv2, inner, slot, slot);
    }
    shape = conv1.out();
  }
  constexpr void stage(index_t channels, index_t stride, int site) {
    block(channels, stride);
    block(channels, 1);
    all[count - 1].site = site;
  }
  constexpr void head(index_t outputs) {
    const int inner = (slot + 1) % slot_count;
    add({.kind = operation_kind::mean, .in = shape}, slot, no_slot, inner);
    add(linear_operation({shape.channels, 1, 1}, outputs, 0, 0), inner, no_slot, slot);
  }
};

template <head_outputs Outputs, class Gate, class Backend, class T>
struct architecture<small_resnet<Outputs, Gate, Backend, T>> {
  static constexpr const char* name = "small_resnet";
  static constexpr auto operations = [] {
    residual_builder<1 + 3 * 4 + 2 + 2> net{.shape = {1, 28, 28}};
    net.stem(32);
    net.stage(32, 1, no_site);
    net.stage(64, 2, 2);
    net.stage(128, 2, 3);
    net.head(Outputs);
    return net.all;
  }();
};

template <head_outputs Outputs, class Gate, class Backend, class T>
struct architecture<resnet18<Outputs, Gate, Backend, T>> {
  static constexpr const char* name = "resnet18";
  static constexpr auto operations = [] {
    residual_builder<1 + 4 * 4 + 3 + 2> net{.shape = {3, 32, 32}};
    net.stem(64);
    net.stage(64, 1, no_site);
    net.stage(128, 2, 2);
    net.stage(256, 2, 3);
    net.stage(512, 2, 4);
    net.head(Outputs);
    return net.all;
  }();
};

/// The gate among a model's template arguments.
template <class Model>
struct arguments_of;
template <template <head_outputs, class, class, class> class Model, head_outputs Outputs, class Gate,
          class Backend, class T>
struct arguments_of<Model<Outputs, Gate, Backend, T>> {
  using gate = Gate;
};

}  // namespace spankey::infer
