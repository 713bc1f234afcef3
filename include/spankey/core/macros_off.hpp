// Other people's macros with names that the library uses, out of the way while its headers are read: min and max of
// Arduino's cores and windows.h, I of complex.h, slots of Qt, fail of test frameworks. core/macros_on.hpp brings them back.
// Around what a program includes (train.hpp, infer.hpp, ...); read as often as it is included.
#include "spankey/core/dialect.hpp"

#pragma push_macro("min")
#undef min
#pragma push_macro("max")
#undef max
#pragma push_macro("abs")
#undef abs
#pragma push_macro("round")
#undef round
#pragma push_macro("bit")
#undef bit
#pragma push_macro("word")
#undef word
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("F")
#undef F
#pragma push_macro("I")
#undef I
#pragma push_macro("slots")
#undef slots
#pragma push_macro("signals")
#undef signals
#pragma push_macro("emit")
#undef emit
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("fail")
#undef fail
#pragma push_macro("require")
#undef require
#pragma push_macro("check")
#undef check
#pragma push_macro("verify")
#undef verify
#pragma push_macro("expect")
#undef expect
#pragma push_macro("swap")
#undef swap
#pragma push_macro("clear")
#undef clear
#pragma push_macro("length")
#undef length
