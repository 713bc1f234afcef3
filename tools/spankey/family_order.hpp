// Families of invalid keys in the order in which people read them: as the library lists them, "angle@5" before "angle@10".
#pragma once

#include <string_view>

/// Whether results of `a` stand before those of `b`; both spelled as flags spell them. Other names come last.
bool family_before(std::string_view a, std::string_view b);
