// message: SpanKey: this is not a Model: give model_of a list of layers
#include "spankey/model/model.hpp"

#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/loss/deny/deny.hpp"
#include "spankey/train/step.hpp"

constexpr spankey::layer_list small(spankey::head_outputs outputs) {
  spankey::layer_list net("small", {2, 3, 3});
  return net.head("fc", outputs);
}

#ifndef SPANKEY_BREAK
using network = spankey::model_of<small, 3, spankey::ungated, spankey::backend::reference, float>;
#else
struct network {
  using scalar = float;
  using master = float;
  using backend_type = spankey::backend::reference;
};
#endif

auto gradients(network& model, const float* x, const int* labels) {
  const spankey::batch_view<const float, spankey::shape<2, 3, 3>> samples(x, 1);
  return spankey::compute_gradients(model, spankey::objective<spankey::no_deny>{}, samples, labels, {});
}
