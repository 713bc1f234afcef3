// A run's gate on one picture, for a README or a slide: on the left the right answers with a valid key, without a key and
// with wrong keys from outside the span, on the right what is left as a key turns out of it. An SVG file of its own, whose
// colours are those of the page, light or dark.
#pragma once

#include <string>

#include "results.hpp"

enum class picture_theme { light, dark };

/// Fails with report.107 where the run was not evaluated with invalid keys at two angles at least.
std::string gate_picture(const run_results& run, picture_theme theme);
