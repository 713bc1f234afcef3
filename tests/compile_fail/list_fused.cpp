// message: SpanKey: behind a batch norm or the sum of a block stands no activation or a ReLU
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {2, 8, 8});
  net.conv2d("conv1", 4);
#ifdef SPANKEY_BREAK
  net.batch_norm2d("bn1", activation::gelu);
#else
  net.batch_norm2d("bn1").gelu("gelu1");
#endif
  return net.head("fc", outputs);
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
