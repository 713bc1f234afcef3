// Where the long functions of the library stand, for they are most of what a compiler does for a program.
//
//   header-only            a header includes its definitions (NAME.inl) at its end, and they are inline
//   with SPANKEY_COMPILED  the headers declare; spankey::compiled (src/compiled/) has the definitions, once for all files
// The target spankey::compiled defines the macro for whoever links it. Both ways compute the same. What only definitions
// need, an .inl includes by itself: so it is read where they are compiled, and nowhere else.
#pragma once

#include "spankey/core/dialect.hpp"

#if defined(SPANKEY_COMPILED)
#define SPANKEY_INLINE
#else
#define SPANKEY_INLINE inline
#endif
