// What a release scheme hands out instead of a model's weights: tensors as they are, and MLPs in another form. Nothing secret:
// everybody has it. Its file: release/release_file.hpp.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/release/taylor_mlp.hpp"

namespace spankey {

struct public_tensor {
  std::vector<index_t> shape{};
  std::vector<float> values{};
};

struct weight_release {
  std::string scheme, network;
  release_precision precision = release_precision::fp32;
  std::map<std::string, public_tensor, std::less<>> tensors{};
  std::map<std::string, taylor_mlp, std::less<>> mlps{};  // by their names, "h.0.mlp"

  /// Numbers that are handed out.
  [[nodiscard]] index_t size() const {
    std::size_t count = 0;
    for (const auto& [name, t] : tensors) count += t.values.size();
    for (const auto& [name, r] : mlps)
      for (const auto* all : {&r.first, &r.up, &r.point, &r.value, &r.constant, &r.coefficients,
                              &r.rest.first, &r.rest.up, &r.rest.down, &r.rest.first_bias})
        count += all->size();
    return static_cast<index_t>(count);
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
