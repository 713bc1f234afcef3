// message: SpanKey: the gate names a key site that this network does not have
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/mlp.hpp"

#ifdef SPANKEY_BREAK
using sites = spankey::at<0, 3>;
#else
using sites = spankey::at<0, 2>;
#endif

spankey::mlp<5, spankey::gate<spankey::multiplicative, sites>, spankey::backend::reference, float> model;
