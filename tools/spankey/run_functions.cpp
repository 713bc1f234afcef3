#include "run_functions.hpp"

#include "spankey/core/error.hpp"

run_functions functions_on(const std::string& device, const run_options& options) {
  if (device != "cpu" && options.inject == "reading")
    spankey::fail("flag.243", "--device", "found ", device,
                  " with --inject reading, which acts on whole samples in the host's memory; expected cpu");
  const bool bf16 = options.precision == "bf16";
  if (device == "cpu") return bf16 ? functions_on_cpu_bf16() : functions_on_cpu_fp32();
#if defined(SPANKEY_PROGRAM_CUDA)
  if (device == "cuda") return bf16 ? functions_on_cuda_bf16() : functions_on_cuda_fp32();
#endif
  spankey::fail("flag.127", "--device", "found ", device,
                ", but this program was built without spankey::cuda (CMake's SPANKEY_CUDA)");
}
