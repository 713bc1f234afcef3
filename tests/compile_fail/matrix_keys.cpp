// message: SpanKey: the gate's injector cannot read the keys of one of its sites
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/entangling.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/model.hpp"

constexpr spankey::layer_list mixed(spankey::head_outputs outputs) {
  spankey::layer_list net("mixed", {4, 3, 3});
  return net.site(0, spankey::key_shape::matrix).conv2d("conv", 4).head("fc", outputs);
}

#ifdef SPANKEY_BREAK
using injector = spankey::multiplicative;
#else
using injector = spankey::entangling;
#endif

spankey::model_of<mixed, 5, spankey::gate<injector, spankey::at<0>>, spankey::backend::reference, float>
    model;
