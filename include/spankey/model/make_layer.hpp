// From an entry of a list to the layer that it describes: the one place that knows which class is which kind.
#pragma once

#include <memory>

#include "spankey/layer/activation.hpp"
#include "spankey/layer/attention.hpp"
#include "spankey/layer/batch_norm2d.hpp"
#include "spankey/layer/conv2d.hpp"
#include "spankey/layer/dropout.hpp"
#include "spankey/layer/embedding.hpp"
#include "spankey/layer/gated_activation.hpp"
#include "spankey/layer/joint_project.hpp"
#include "spankey/layer/layer_norm.hpp"
#include "spankey/layer/linear.hpp"
#include "spankey/layer/low_rank.hpp"
#include "spankey/layer/pool2d.hpp"
#include "spankey/layer/project.hpp"
#include "spankey/layer/rotary.hpp"
#include "spankey/layer/sum.hpp"
#include "spankey/layer/tokens.hpp"
#include "spankey/model/layer_description.hpp"

namespace spankey {

/// Null for entries that are no layer: sites, the head, the beginnings of a block and of its skip path. `number`: of
/// the entry; `life`: of the output of a batch norm or an activation.
template <class Backend, class T>
std::unique_ptr<layer<Backend, T>> make_layer(const layer_description& d, std::size_t number, lifetime life) {
  switch (d.kind) {
    case layer_kind::conv2d:
      return std::make_unique<conv2d_layer<Backend, T>>(d.in, d.out.channels, d.conv);
    case layer_kind::batch_norm2d:
      return std::make_unique<batch_norm2d_layer<Backend, T>>(d.in, d.after, d.norm, life);
    case layer_kind::layer_norm:
      return std::make_unique<layer_norm_layer<Backend, T>>(
          d.in,
          layer_norm_options{.epsilon = d.norm.epsilon, .scale = d.norm.scale, .centred = d.norm.shift});
    case layer_kind::dropout:
      return std::make_unique<dropout_layer<Backend, T>>(d.in, d.drops, number);
    case layer_kind::activation:
      return std::make_unique<activation_layer<Backend, T>>(d.in, d.after, life);
    case layer_kind::max_pool2d:
      return std::make_unique<max_pool2d_layer<Backend, T>>(d.in, d.pool);
    case layer_kind::mean_pool2d:
      return std::make_unique<mean_pool2d_layer<Backend, T>>(d.in);
    case layer_kind::linear:
      if (d.map.rank > 0) return std::make_unique<low_rank_layer<Backend, T>>(d.in, d.out, d.map);
      return std::make_unique<linear_layer<Backend, T>>(d.in, d.out.channels, d.map);
    case layer_kind::embedding:
      return std::make_unique<embedding_layer<Backend, T>>(d.in, d.vocabulary, d.out.channels);
    case layer_kind::tokens:
      return std::make_unique<tokens_layer<Backend, T>>(d.in, d.tokens);
    case layer_kind::token:
      return std::make_unique<token_layer<Backend, T>>(d.in, d.token);
    case layer_kind::project:
      if (d.joint.count() > 0)
        return std::make_unique<joint_project_layer<Backend, T>>(d.in, d.name.view(), d.joint, d.map);
      if (d.map.rank > 0) return std::make_unique<low_rank_layer<Backend, T>>(d.in, d.out, d.map);
      return std::make_unique<project_layer<Backend, T>>(d.in, d.out.channels, d.map);
    case layer_kind::attention:
      return std::make_unique<attention_layer<Backend, T>>(d.in, d.attention);
    case layer_kind::rotary:
      return std::make_unique<rotary_layer<Backend, T>>(d.in, d.rotary);
    case layer_kind::gated:
      return std::make_unique<gated_activation_layer<Backend, T>>(d.in, d.after);
    case layer_kind::join:
      return std::make_unique<sum_layer<Backend, T>>(d.in, d.after);
    case layer_kind::site:
    case layer_kind::head:
    case layer_kind::residual:
    case layer_kind::skip:
      break;
  }
  return nullptr;
}

}  // namespace spankey
