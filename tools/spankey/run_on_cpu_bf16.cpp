#include "run_functions_of.hpp"

run_functions functions_on_cpu_bf16() { return all_functions<spankey::backend::cpu, spankey::bf16>(); }
