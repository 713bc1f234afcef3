// Which activations batch norm computes in the pass that normalises: the identity and ReLU, whose derivative can be told
// from what it stored.
#pragma once

#include "spankey/backend/backend.hpp"
#include "spankey/core/error.hpp"

namespace spankey {

/// True for ReLU, false for the identity; another one is backend.105.
inline bool fuses_relu(activation act) {
  if (act != activation::identity && act != activation::relu)
    fail("backend.105", "batch_norm", "found activation ", static_cast<int>(act),
         ", expected identity or relu; another one is a layer of its own");
  return act == activation::relu;
}

}  // namespace spankey
