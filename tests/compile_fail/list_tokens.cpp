// message: SpanKey: tokens lie in one column, T x 1: an embedding is the first layer and reads {2, T, 1}
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;

constexpr layer_list layers(head_outputs outputs) {
  layer_list net("own", {8, 4, 4});
  net.tokens("pos_embed").project("qkv", 24);
#ifdef SPANKEY_BREAK
  net.attention("attn", 3);
#else
  net.attention("attn", 4);
#endif
  return net.head("fc", outputs);
}

constexpr extents input = model_of<layers, 3, ungated, backend::reference, float>::list.input();
