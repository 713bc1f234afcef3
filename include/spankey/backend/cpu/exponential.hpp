// Functions of whole vectors of floats, for the texts that foreach_isa.hpp compiles: the exponential of what is not
// positive, and what activations are made of. Relative errors where the result is a normal number: exp_lanes 1e-7,
// sigmoid_lanes 2e-7, normal_tail 5e-7.
#pragma once

#include "spankey/backend/cpu/lanes.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/exponential.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
