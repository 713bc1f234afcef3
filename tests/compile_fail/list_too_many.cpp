// message: SpanKey: a network has at most 512 layers
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {2, 8, 8});
#ifdef SPANKEY_BREAK
  constexpr int layers = 512;
#else
  constexpr int layers = 511;
#endif
  for (int i = 0; i < layers; ++i) net.relu("relu");
  return net.head("fc", outputs);
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
