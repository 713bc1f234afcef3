// The flags of `convert` and `import`.
#pragma once

#include "commands.hpp"

namespace CLI {
class App;
}

void declare_convert_flags(CLI::App& app, convert_options& request);
void declare_import_flags(CLI::App& app, import_options& request);
