// The flags of `convert`, `import`, `keygen`, `lock`, `unlock`, `relearn`, `attack`, `diagnose`, `kotg`, `predict` and `generate`, and
// --require.
#pragma once

#include <string>

#include "attack.hpp"
#include "commands.hpp"
#include "diagnose.hpp"
#include "kotg.hpp"
#include "relearn.hpp"

class flag_set;

void declare_convert_flags(flag_set& flags, convert_options& request);
void declare_keygen_flags(flag_set& flags, std::string& out);
void declare_lock_flags(flag_set& flags, lock_options& request);
void declare_unlock_flags(flag_set& flags, lock_options& request);
void declare_relearn_flags(flag_set& flags, relearn_options& request);
void declare_attack_flags(flag_set& flags, attack_options& request);
void declare_diagnose_flags(flag_set& flags, diagnose_options& request);
void declare_kotg_flags(flag_set& flags, kotg_options& request);
void declare_import_flags(flag_set& flags, import_options& request);
void declare_predict_flags(flag_set& flags, predict_options& request);
void declare_generate_flags(flag_set& flags, generate_options& request);

/// Of every command that evaluates.
void declare_require_flag(flag_set& flags, std::string& require);
