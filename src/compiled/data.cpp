#include "spankey/data/byte_pair_tokenizer.inl"
#include "spankey/data/glyphs.inl"
#include "spankey/data/loader.hpp"
#include "spankey/data/text.inl"

namespace spankey {

template class loader<image_dataset, float>;
template class loader<image_dataset, bf16>;

}  // namespace spankey
