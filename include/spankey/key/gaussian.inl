// What key/gaussian.hpp declares.
#pragma once

#include "spankey/backend/cpu/gaussian.hpp"
#include "spankey/key/gaussian.hpp"

namespace spankey {

void fill_gaussian(const random_source& source, std::uint64_t first, float* out, index_t n) {
  cpu::fill_gaussian(source, first, n, out);
}

}  // namespace spankey
