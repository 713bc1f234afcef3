// Commands that the program proposes, ready to be pasted into a shell.
#pragma once

#include <string>

#include "commands.hpp"

/// How this program was called, for what it proposes: once, at its start. Until then it is `spankey`.
void set_program_name(const char* name);

/// `PROGRAM COMMAND --help`, or `PROGRAM --help` where no command is named.
std::string help_command(const std::string& command);

/// What goes on with the run in `folder`, with the data, device and threads of `options`.
std::string resume_command(const std::string& folder, const run_options& options);

/// What goes on with a sweep.
std::string sweep_command(const sweep_options& options);
