// message: SpanKey: both paths of a residual block must have the same shape where they are added
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {2, 8, 8});
  net.residual("block").conv2d("conv1", 4);
#ifdef SPANKEY_BREAK
  net.join(activation::relu);  // forgets that the block changes the channels
#else
  net.skip("downsample").conv2d("0", 4, {.kernel = 1}).join(activation::relu);
#endif
  return net.head("fc", outputs);
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
