// The flags of `convert`, `import`, `keygen`, `lock`, `unlock`, `predict` and `generate`, and
// those that several commands have.
#pragma once

#include <string>

#include "commands.hpp"

class flag_set;

void declare_convert_flags(flag_set& flags, convert_options& request);
void declare_keygen_flags(flag_set& flags, std::string& out);
void declare_lock_flags(flag_set& flags, lock_options& request);
void declare_unlock_flags(flag_set& flags, lock_options& request);
void declare_import_flags(flag_set& flags, import_options& request);
void declare_predict_flags(flag_set& flags, predict_options& request);
void declare_generate_flags(flag_set& flags, generate_options& request);

/// Of every command that trains.
void declare_checkpoint_seconds_flag(flag_set& flags, double& seconds);
/// Of every command that evaluates.
void declare_require_flag(flag_set& flags, std::string& require);
