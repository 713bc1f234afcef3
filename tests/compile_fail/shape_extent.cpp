// message: SpanKey: every extent of a shape is positive
#include "spankey/core/shape.hpp"

#ifdef SPANKEY_BREAK
using feature_map = spankey::shape<16, 0, 8>;
#else
using feature_map = spankey::shape<16, 8, 8>;
#endif

constexpr spankey::index_t size = feature_map::size;
