#include "spankey/data/glyphs.inl"
#include "spankey/data/loader.hpp"

namespace spankey {

template class loader<image_dataset, float>;
template class loader<image_dataset, bf16>;

}  // namespace spankey
