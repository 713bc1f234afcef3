// The constants of a model, without anything that runs: what inference on a small processor needs to know of one.
#pragma once

#include <array>

#include "spankey/inject/injector.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/layer_list.hpp"

namespace spankey {

/// Layers: a function of the outputs that gives a layer_list.
template <auto Layers, head_outputs Outputs, class Gate>
struct described {
  static constexpr layer_list list = Layers(Outputs);

  static_assert(
      list.found() != list_fault::site_order,
      "SpanKey: the key sites of a network are numbered 0, 1, 2, ... in data order, each once, at most 32");
  static_assert(list.found() != list_fault::window,
                "SpanKey: a layer of this list has no outputs, a window that is larger than its input (1 to "
                "7 of a convolution, 16 side by side), "
                "or groups that do not divide its channels");
  static_assert(list.found() != list_fault::shapes_differ,
                "SpanKey: both paths of a residual block must have the same shape where they are added");
  static_assert(list.found() != list_fault::block,
                "SpanKey: a residual block is residual(name), layers, perhaps skip(name) and more layers, "
                "join()");
  static_assert(
      list.found() != list_fault::fused,
      "SpanKey: behind a batch norm or the sum of a block stands no activation or a ReLU; others are "
      "layers of their own: gelu(name), silu(name)");
  static_assert(
      list.found() != list_fault::tokens,
      "SpanKey: tokens lie in one column, T x 1: an embedding is the first layer and reads {2, T, "
      "1}; there are as "
      "many positions as tokens, or more; attention reads 3C channels, or fewer keys and values, and "
      "its heads divide C; rotary positions turn heads of an even size; a gated activation reads as "
      "many gates as it lets through; maps side by side are two or three, with a name each; token() "
      "takes one of the T; a head of tokens has as many outputs as the embedding has rows");
  static_assert(
      list.found() != list_fault::name,
      "SpanKey: a layer's name is empty, longer than 63 letters with its block's, or was given before");
  static_assert(list.found() != list_fault::no_head,
                "SpanKey: a network ends with one head, and nothing stands behind it");
  static_assert(list.found() != list_fault::probability,
                "SpanKey: a dropout's probability is from 0 to below 1");
  static_assert(
      list.found() != list_fault::adapters,
      "SpanKey: adapters stand beside linear maps of tokens or features, with a rank of at least 1");
  static_assert(list.found() != list_fault::too_many, "SpanKey: a network has at most 512 layers");
  static_assert(Gate::sites::template all_below<static_cast<int>(list.site_count())>(),
                "SpanKey: the gate names a key site that this network does not have; its list has site(0), "
                "site(1), ...");

  /// Its name in files: by itself, so that a program that reads it does not carry the list.
  static constexpr layer_name label{list.name()};
  using input = shape<list.input().channels, list.input().height, list.input().width>;
  static constexpr head_outputs outputs = Outputs;
  /// Extents of the key of every site.
  static constexpr std::array<extents, list.site_count()> sites = [] {
    std::array<extents, list.site_count()> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = list.site_shape(i);
    return all;
  }();
  static constexpr bool has_site(int number) {
    return Gate::sites::contains(number) && !std::is_same_v<typename Gate::injector, none>;
  }

 private:
  static constexpr bool reads_all_keys = [] {
    for (const layer_description& d : list)
      if (d.kind == layer_kind::site && Gate::sites::contains(d.site) &&
          !std::is_same_v<typename Gate::injector, none> && !reads_keys_of<typename Gate::injector>(d.key))
        return false;
    return true;
  }();
  static_assert(reads_all_keys,
                "SpanKey: the gate's injector cannot read the keys of one of its sites: those of a matrix "
                "(key_shape::matrix) need an injector of whole samples, as entangling, and entangling needs "
                "those");
};

}  // namespace spankey
