// message: SpanKey: the key sites of a network are numbered 0, 1, 2
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {2, 8, 8});
  net.site(0).conv2d("conv1", 4);
#ifdef SPANKEY_BREAK
  net.site(2);
#else
  net.site(1);
#endif
  return net.head("fc", outputs);
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
