// A conformance case: what the metadata of its file asks for, checked. Tensors are tensors.hpp's.
//
// `model` names one of the library's networks; `layers` says that the entry `layers` has the network as text
// (layer_text.hpp). vit_tiny and gpt read `key_shape`, gpt also `heads` and `context`, the rows of its table of positions;
// a sample has as many tokens as x says.
//
// Keys that a case does not need (gamma of inject none, gap of a deny mode without it) may be missing, empty,
// or "none"; where they say something, it has to make sense. Unknown keys are left alone (other writers add their
// own).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "spankey/core/key_shape.hpp"
#include "spankey/file/safetensors.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/loss/deny/mode.hpp"
#include "spankey/model/layer_list.hpp"
#include "spankey/optim/sgd.hpp"

namespace conformance {

/// bf16: activations and the weights in matrix products; everything else stays float.
enum class precision_kind { fp32, bf16 };

struct conformance_case {
  spankey::layer_list layers{"", {}};
  int classes = 0;         // semantic ones
  bool of_tokens = false;  // x are tokens, each of which has a label and an answer
  /// Of a transformer: keys in files are (n, tokens, C), (n, C) or (n, tokens), as this says.
  std::optional<spankey::key_shape> keys;
  spankey::runtime injector;
  std::vector<int> sites;       // none without injection
  spankey::deny_settings deny;  // 0 where the mode has no such parameter
  spankey::deny_on on = spankey::deny_on::wrong;
  spankey::batch_statistics statistics = spankey::batch_statistics::per_group;
  double deny_weight = 0;  // 0 without a deny loss
  double learning_rate = 0;
  spankey::sgd_options optimizer;
  precision_kind precision = precision_kind::fp32;
};

/// Errors, naming the key at fault: case.101 missing, .102 value, .103 not in this version, .111 tokens of a sample,
/// and those of read_layers.
conformance_case read_case(const spankey::safetensors_file& file);

}  // namespace conformance
