// What runs networks, compiled once for a whole program: by the target spankey::compiled (cmake/compiled.cmake), which
// defines SPANKEY_COMPILED for whoever links it. Without it nothing has to be linked, and every source file that makes a
// network compiles the kernels of all instruction sets for itself.
#pragma once

#include "spankey/core/bf16.hpp"
#include "spankey/inject/injecting_site.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/layered_network.hpp"

#if defined(SPANKEY_COMPILED)
namespace spankey {

extern template class layered_network<backend::cpu, float>;
extern template class layered_network<backend::cpu, bf16>;
extern template class layered_network<backend::reference, float>;
extern template class layered_network<backend::reference, double>;

extern template class injecting_site<additive, backend::cpu, float>;
extern template class injecting_site<additive, backend::cpu, bf16>;
extern template class injecting_site<multiplicative, backend::cpu, float>;
extern template class injecting_site<multiplicative, backend::cpu, bf16>;
extern template class injecting_site<runtime, backend::cpu, float>;
extern template class injecting_site<runtime, backend::cpu, bf16>;

}  // namespace spankey
#endif
