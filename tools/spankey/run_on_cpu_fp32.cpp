#include "run_functions_of.hpp"
#include "run_lock.hpp"

run_functions functions_on_cpu_fp32() {
  run_functions all = all_functions<spankey::backend::cpu, float>();
  all.relock = &run_lock<spankey::backend::cpu, float>::relock;
  return all;
}
