// One training step of a case, one function (and one translation unit) per model: mlp.cpp, small_cnn.cpp, ...
//
// The backends cpu and cuda (where this program was built with it) compute as a training run does, in float or with bf16 activations, as the case says; the backend
// reference runs its plain loops in double whatever the case says, as an oracle for the formulas. Errors: safetensors.121 to .123, weights.103, case.111 to .115, all
// before anything is computed.
#pragma once

#include "case.hpp"
#include "spankey/file/safetensors_writer.hpp"

namespace conformance {

enum class backend_kind { cpu, reference, cuda };

#if defined(SPANKEY_CONFORMANCE_CUDA)
inline constexpr bool has_cuda = true;
#else
inline constexpr bool has_cuda = false;
#endif

spankey::safetensors_writer run_mlp(backend_kind, const conformance_case&, const spankey::safetensors_file&);
spankey::safetensors_writer run_small_cnn(backend_kind, const conformance_case&,
                                          const spankey::safetensors_file&);
spankey::safetensors_writer run_small_resnet(backend_kind, const conformance_case&,
                                             const spankey::safetensors_file&);
spankey::safetensors_writer run_resnet18(backend_kind, const conformance_case&,
                                         const spankey::safetensors_file&);

}  // namespace conformance
