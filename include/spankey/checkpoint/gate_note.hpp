// The gate that weights were trained with, as one line in their file's metadata: "multiplicative gamma=2 sites=1,2",
// "reading gamma=0.5 readings=64 sites=1", or "none". Weights mean something only at the same sites, with the same injector:
// a file that has the line is refused by a model of another gate. Weights without a gate may go into any: they are where
// training of one can begin.
#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "spankey/core/dialect.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// The entry's name in the metadata.
inline constexpr std::string_view gate_entry = "gate";
inline constexpr std::string_view no_gate = "none";
/// Of weights that are locked (lock/): the entry says what they are locked with.
inline constexpr const char* locked_entry = "lock";

/// The gate of `model` as it is set now; empty where the model has no sites to ask.
template <class Model>
[[nodiscard]] std::string gate_note(Model& model) {
  std::string injector, sites;
  if constexpr (requires { model.for_each_site([](int, auto&) {}); }) {
    model.for_each_site([&](int site, auto& layer) {
      if (!layer.takes_key()) return;
      sites += (sites.empty() ? "" : ",") + std::to_string(site);
      injector = layer.injector_name();
      if (const std::optional<float> gamma = layer.strength()) {
        std::array<char, 40> number{};
        std::snprintf(number.data(), number.size(), " gamma=%.9g", static_cast<double>(*gamma));
        injector += number.data();
      }
      if (const std::optional<index_t> readings = layer.readings())
        injector += " readings=" + std::to_string(*readings);
    });
    if (sites.empty()) return std::string(no_gate);
    return injector + " sites=" + sites;
  }
  return {};
}

}  // namespace spankey
