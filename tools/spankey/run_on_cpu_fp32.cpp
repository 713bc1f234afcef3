#include "run_functions_of.hpp"

run_functions functions_on_cpu_fp32() { return all_functions<spankey::backend::cpu, float>(); }
