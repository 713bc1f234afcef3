// The program of the target tests under an operating system.
#include <cstdio>

#include "target.hpp"

void print(const char* line) { std::fputs(line, stdout); }
std::uint64_t instructions() { return 0; }
std::size_t stack_bytes() { return 0; }

int main() { return firmware(); }
