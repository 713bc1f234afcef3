// The flags of `convert` and `import`.
#pragma once

#include "commands.hpp"

class flag_set;

void declare_convert_flags(flag_set& flags, convert_options& request);
void declare_import_flags(flag_set& flags, import_options& request);
