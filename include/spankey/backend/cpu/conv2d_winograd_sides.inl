// The transforms of conv2d_winograd.hpp: outputs of 2 x 2 and of 4 x 4; activations of bf16 only where their gradients go
// this way.
#include "spankey/backend/cpu/conv2d_winograd_lines.inl"
#define WINOGRAD_SIDE 2
#include "spankey/backend/cpu/conv2d_winograd_filter.inl"
#define SPANKEY_SCALAR float
#include "spankey/backend/cpu/conv2d_winograd.inl"
#undef SPANKEY_SCALAR
#define SPANKEY_SCALAR bf16
#include "spankey/backend/cpu/conv2d_winograd.inl"
#undef SPANKEY_SCALAR
#undef WINOGRAD_SIDE
#define WINOGRAD_SIDE 4
#include "spankey/backend/cpu/conv2d_winograd_filter.inl"
#define SPANKEY_SCALAR float
#include "spankey/backend/cpu/conv2d_winograd.inl"
#undef SPANKEY_SCALAR
#undef WINOGRAD_SIDE
