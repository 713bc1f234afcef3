// foreach_scalar.inl with the weights of images: float, bf16 and int8.
#define SPANKEY_SCALAR float
#include SPANKEY_SCALAR_TEXT
#undef SPANKEY_SCALAR
#define SPANKEY_SCALAR bf16
#include SPANKEY_SCALAR_TEXT
#undef SPANKEY_SCALAR
#define SPANKEY_SCALAR std::int8_t
#define SPANKEY_SCALAR_INT8
#include SPANKEY_SCALAR_TEXT
#undef SPANKEY_SCALAR
#undef SPANKEY_SCALAR_INT8
