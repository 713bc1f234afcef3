// message: SpanKey: a layer of this list has no outputs, a window that is larger than its input
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {2, 8, 8});
#ifdef SPANKEY_BREAK
  net.conv2d("conv1", 5, {.groups = 2});
#else
  net.conv2d("conv1", 6, {.groups = 2});
#endif
  return net.head("fc", outputs);
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
