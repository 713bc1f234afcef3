#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/inject/injecting_site.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/layered_network.hpp"

namespace spankey {

template class layered_network<backend::cpu, bf16>;
template class injecting_site<additive, backend::cpu, bf16>;
template class injecting_site<multiplicative, backend::cpu, bf16>;
template class injecting_site<runtime, backend::cpu, bf16>;

}  // namespace spankey
