// message: SpanKey: the gate names a key site that this network does not have
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/resnet18.hpp"

#ifdef SPANKEY_BREAK
using sites = spankey::at<0, 7>;
#else
using sites = spankey::at<0, 2, 3, 4>;
#endif

using model =
    spankey::resnet18<10, spankey::gate<spankey::multiplicative, sites>, spankey::backend::reference, float>;

constexpr spankey::index_t outputs = model::outputs;
