// Files that a command will write, looked at before its work begins.
#pragma once

#include <string>

/// Fails with flag.119, naming the flag, where `file` could not be written: its folder is not there or takes no files, or
/// what has its name is no regular file. Writing renames a new file to it, which would replace a device.
void require_output(const char* flag, const std::string& file);
