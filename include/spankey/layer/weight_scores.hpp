// A number for every element of every parameter: what it is worth.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "spankey/core/dialect.hpp"

namespace spankey {

/// In memory order, by the parameter's name in files.
using weight_scores = std::map<std::string, std::vector<float>, std::less<>>;

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
