// message: SpanKey: backend::cuda is selected but its kernels are not included
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/resnet18.hpp"

#ifdef SPANKEY_BREAK
using chosen = spankey::backend::cuda;
#else
using chosen = spankey::backend::reference;
#endif

spankey::resnet18<10, spankey::gate<spankey::multiplicative, spankey::at<0, 2>>, chosen, float> model;
