#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/model/layered_network.hpp"

namespace spankey {

template class layered_network<backend::cpu, float>;

}  // namespace spankey
