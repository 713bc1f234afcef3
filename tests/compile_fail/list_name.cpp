// message: SpanKey: a layer.s name is empty, longer than 63 letters with its block.s, or was given before
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {2, 8, 8});
  net.conv2d("conv1", 4);
#ifdef SPANKEY_BREAK
  net.conv2d("conv1", 4);
#else
  net.conv2d("conv2", 4);
#endif
  return net.head("fc", outputs);
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
