// message: SpanKey: shape mismatch: this layer was declared for another input shape
#include "spankey/backend/reference/reference.hpp"
#include "spankey/layer/conv2d.hpp"
#include "spankey/layer/linear.hpp"

using stem =
    spankey::conv2d<spankey::shape<3, 8, 8>, 16, spankey::window<3, 2>, spankey::backend::reference, float>;
#ifdef SPANKEY_BREAK
using features = spankey::shape<16, 8, 8>;  // forgets that the stem has stride 2
#else
using features = stem::output;
#endif
using head = spankey::linear<features, 10, spankey::backend::reference, float>;

auto forward(stem& first, head& last, spankey::batch_view<const float, stem::input> x) {
  return last.forward({}, first.forward({}, x));
}
