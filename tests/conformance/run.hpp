// What the program computes of a case.
//
// The backends cpu and cuda (where this program was built with it) compute as a training run does, in float or with bf16
// activations, as the case says; the backend reference runs its plain loops in double whatever the case says, as an oracle
// for the formulas. Errors: safetensors.121 to .123, weights.103, case.111 to .115, .118 and .119, all before
// anything is computed.
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

/// One training step, and an evaluation behind it.
spankey::safetensors_writer run_step(backend_kind, const conformance_case&, const spankey::safetensors_file&);

/// What the weights of the case answer, with the valid keys and without a key: the evaluation pass of the library in float,
/// and sessions of either engine, from images in fp32, bf16 and int8.
spankey::safetensors_writer run_sessions(const conformance_case&, const spankey::safetensors_file&);

}  // namespace conformance
