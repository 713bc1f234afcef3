// message: SpanKey: a residual block is residual.name., layers, perhaps skip.name. and more layers
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {2, 8, 8});
  net.residual("block").conv2d("conv1", 2);
#ifdef SPANKEY_BREAK

#else
  net.join();
#endif
  return net.head("fc", outputs);
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
