// message: SpanKey: shape mismatch: this layer was declared for another input shape
#include "spankey/core/shape.hpp"
#include "spankey/core/view.hpp"

using expected = spankey::shape<64, 8, 8>;
#ifdef SPANKEY_BREAK
using given = spankey::shape<128, 8, 8>;
#else
using given = expected;
#endif

template <class Shape>
void forward(spankey::batch_view<const float, Shape>) {
  spankey::require_shape<Shape, expected>();
}

void use(spankey::batch_view<const float, given> x) { forward(x); }
