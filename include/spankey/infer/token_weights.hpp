// Which weights a network may have in an image: blocks of whole numbers are for matrices that read one token after another.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <string_view>

#include "spankey/core/error.hpp"
#include "spankey/infer/architecture.hpp"

namespace spankey::infer {

/// Fails with infer.113 where weights in blocks are wanted of a network of whole samples.
inline void require_tokens(const operation_table& table, std::string_view network) {
  const auto operations = table.operations();
  if (operations.empty() || operations.front().context == 0)
    fail("infer.113", network, "found int8_blocks for a network of whole samples, expected one of tokens");
}

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
