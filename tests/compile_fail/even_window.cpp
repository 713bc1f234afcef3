// message: SpanKey: convolution windows have odd size
#include "spankey/layer/conv2d.hpp"

#ifdef SPANKEY_BREAK
using tile = spankey::window<2>;
#else
using tile = spankey::window<3>;
#endif

constexpr spankey::index_t padding = tile::padding;
