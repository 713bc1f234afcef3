// What a run does, by device and precision: each is compiled once, for every network (run_on_cpu.cpp, cuda/run_on_cuda.cpp).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "commands.hpp"
#include "convert.hpp"
#include "predict.hpp"
#include "run_options.hpp"

struct run_functions {
  int (*train)(const run_options&, start_of_run) = nullptr;  // the exit status
  void (*evaluate)(const run_options&, const eval_options&) = nullptr;
  void (*describe)(const run_options&, bool measure) = nullptr;
  // On the CPU only.
  converted (*convert)(const run_options&, const convert_options&) = nullptr;
  void (*import_weights)(const run_options&, const import_options&) = nullptr;
  run_image (*image_of)(const run_options&, const std::string& run, const chosen_key& key,
                        const std::string& weights) = nullptr;
  // In fp32 only, of runs of either precision.
  void (*relock)(const run_options&, const lock_options&, bool locks) = nullptr;
};

/// Of the run's precision on `device`. Fails with flag.127 where this program does not have it.
run_functions functions_on(const std::string& device, const run_options& options);

// One source file each.
run_functions functions_on_cpu_fp32();
run_functions functions_on_cpu_bf16();
run_functions functions_on_cuda_fp32();
run_functions functions_on_cuda_bf16();
