// message: SpanKey: backend::cuda is selected but its kernels are not included
#include "spankey/backend/reference/reference.hpp"

#ifdef SPANKEY_BREAK
using chosen = spankey::backend::cuda;
#else
using chosen = spankey::backend::reference;
#endif

void use() { spankey::require_backend<chosen, float>(); }
