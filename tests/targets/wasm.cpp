// The program of the target tests as a WebAssembly module: it imports one function, and wasm.mjs watches its stack.
#include "target.hpp"

extern "C" [[clang::import_module("host"), clang::import_name("print")]] void host_print(const char* line);

void print(const char* line) { host_print(line); }
std::uint64_t instructions() { return 0; }
std::size_t stack_bytes() { return 0; }
