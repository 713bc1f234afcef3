// What runs: versions, instruction-set family, BLAS, threads, compiler. For logs, bug reports and benchmarks.
#pragma once

#include <string>

#include "spankey/backend/cpu/blas.hpp"
#include "spankey/backend/cpu/isa.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/backend/cpu/tag.hpp"
#include "spankey/core/version.hpp"

namespace spankey {

/// One "name: value" line each for spankey, backend, kernels, bf16, blas, threads, compiler. Fails as isa.hpp does.
inline std::string describe() {
#if defined(__clang__)
  const std::string compiler = "clang " __clang_version__;
#elif defined(__GNUC__)
  const std::string compiler = "gcc " __VERSION__;
#else
  const std::string compiler = "unknown";
#endif
  std::string text;
  const auto line = [&text](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\n");
  };
  line("spankey", SPANKEY_VERSION_STRING);
  line("backend", backend::cpu::name);
  line("kernels",
       std::string(name_of(active_isa())) + " (best here: " + std::string(name_of(best_isa())) + ")");
  line("bf16", active_isa() >= isa::avx512_bf16
                   ? "multiplied by these kernels"
                   : "storage only, multiplied as float: it saves memory here, fp32 is faster");
  line("blas", cpu::blas_description());
  line("threads", std::to_string(thread_count()));
  line("compiler", compiler);
  return text;
}

}  // namespace spankey
