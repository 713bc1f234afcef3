// message: SpanKey: this backend has no kernels for this scalar
#include "spankey/backend/reference/reference.hpp"

#ifdef SPANKEY_BREAK
using scalar = int;
#else
using scalar = double;
#endif

void use() { spankey::require_backend<spankey::backend::reference, scalar>(); }
