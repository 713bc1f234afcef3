// Compiles the text SPANKEY_SCALAR_TEXT once per scalar of activations, SPANKEY_SCALAR: its functions become
// overloads, one per scalar. For texts that foreach_isa.hpp compiles, where a template would lose the target:
//
//   #define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/NAME.inl"
//   #define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
//   #include "spankey/backend/cpu/foreach_isa.hpp"
//   #undef SPANKEY_SCALAR_TEXT
#define SPANKEY_SCALAR float
#include SPANKEY_SCALAR_TEXT
#undef SPANKEY_SCALAR
#define SPANKEY_SCALAR bf16
#include SPANKEY_SCALAR_TEXT
#undef SPANKEY_SCALAR
