// Training, evaluation and description on an NVIDIA GPU.
#include "../run_functions_of.hpp"
#include "spankey/cuda.hpp"

template <>
struct device_text<spankey::backend::cuda> {
  static std::string text() {
    return spankey::describe() +
           (spankey::cuda::present() ? spankey::cuda::describe_device() : "gpu: none\n");
  }
};

run_functions functions_on_cuda_fp32() { return training_functions<spankey::backend::cuda, float>(); }
run_functions functions_on_cuda_bf16() { return training_functions<spankey::backend::cuda, spankey::bf16>(); }
