#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/inject/injecting_site.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/layered_network.hpp"

namespace spankey {

template class layered_network<backend::cpu, float>;
template class injecting_site<additive, backend::cpu, float>;
template class injecting_site<multiplicative, backend::cpu, float>;
template class injecting_site<runtime, backend::cpu, float>;

}  // namespace spankey
