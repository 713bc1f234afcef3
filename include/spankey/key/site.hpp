// An injection site, as key spaces, keys and key files name it.
#pragma once

#include "spankey/core/shape.hpp"

namespace spankey {

/// Its number in the model and the shape of one sample there.
struct site {
  int number = 0;
  extents shape;
  friend bool operator==(const site&, const site&) = default;
};

}  // namespace spankey
