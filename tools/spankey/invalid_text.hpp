// Invalid keys as text: "gaussian", "angle@20", "gaussian:2,orthogonal,angle@45:0.5".
#pragma once

#include <string>
#include <vector>

#include "run_options.hpp"
#include "spankey/key/mixture.hpp"

/// All families, for help texts: "gaussian, orthogonal, ...".
std::string family_names();

/// "FAMILY" or "FAMILY@NUMBER". Fails with flag.116.
spankey::invalid_rule invalid_rule_of(const std::string& text);

/// "FAMILY[@NUMBER][:WEIGHT],..."; empty text: empty. Fails with flag.116.
std::vector<spankey::weighted_rule> invalid_mixture_of(const std::string& text);

/// "FAMILY[@NUMBER],...", or "all": every family that the run's key space can have, and angles from 5 to 90 degrees.
std::vector<spankey::invalid_rule> invalid_rules_of(const std::string& text, const run_options& options);
