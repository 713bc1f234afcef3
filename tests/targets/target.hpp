// What the program of the target tests asks of the machine that it runs on; one source file a machine.
#pragma once

#include <cstddef>
#include <cstdint>

/// Writes a line, which ends with '\n' and a zero.
void print(const char* line);

/// Instructions since the first call; always 0 where the machine cannot count them.
std::uint64_t instructions();

/// Most bytes of stack that were in use so far; 0 where the program cannot see that itself.
std::size_t stack_bytes();

/// The program, in firmware.cpp: 0 when every call of the session did what it should.
extern "C" int firmware();
