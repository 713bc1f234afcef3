// message: SpanKey: a layer of this list has no outputs, a window that is larger than its input
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {2, 8, 8});
  net.conv2d("conv1", 4, {.stride = 4});
#ifdef SPANKEY_BREAK
  net.max_pool2d("pool", {.kernel = 3});
#else
  net.max_pool2d("pool", {.kernel = 2});
#endif
  return net.head("fc", outputs);
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
