// message: SpanKey: a network ends with one head, and nothing stands behind it
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {2, 8, 8});
  net.conv2d("conv1", 4);
#ifdef SPANKEY_BREAK
  return outputs.softmax > 0 ? net.relu("relu1") : net;
#else
  return net.head("fc", outputs);
#endif
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
