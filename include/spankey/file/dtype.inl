// What file/dtype.hpp declares.
#pragma once

#include <algorithm>

#include "spankey/file/dtype.hpp"

namespace spankey {

std::string shape_text(const std::vector<index_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < std::min<std::size_t>(shape.size(), 8); ++i) {
    if (i != 0) text += ", ";
    text += shape[i] < 0 ? "any" : std::to_string(shape[i]);
  }
  if (shape.size() > 8) text += ", ... rank " + std::to_string(shape.size());
  return text + ")";
}

std::string tensor_text(dtype type, const std::vector<index_t>& shape) {
  return std::string(describe_dtype(type).name) + " " + shape_text(shape);
}

}  // namespace spankey
