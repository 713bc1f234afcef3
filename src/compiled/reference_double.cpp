#include "spankey/backend/reference/reference.hpp"
#include "spankey/model/layered_network.hpp"

namespace spankey {

template class layered_network<backend::reference, double>;

}  // namespace spankey
