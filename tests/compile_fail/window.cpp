// message: SpanKey: windows and strides of a convolution are at least 1
#include "spankey/layer/conv2d.hpp"

#ifdef SPANKEY_BREAK
using kernel = spankey::window<3, 0>;
#else
using kernel = spankey::window<3, 2>;
#endif

constexpr spankey::index_t padding = kernel::options.before();
