// A map that an attacker believes to stand before a locked layer, and what is done with it in a network that has a stitch there.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/model/inserted_layers.hpp"

namespace spankey {

/// T (C, C), row by row: the activation x becomes T x before `layer`.
struct starting_map {
  std::string layer;
  std::vector<float> map{};
};

/// Where the stitch before `layer` has its matrix (C, C) and its shift (C).
inline std::string map_name(const std::string& layer) { return layer + std::string(inserted_suffix); }

/// Errors: model.103 where there is no stitch before that layer, attack.101 one of another size.
template <class Model>
void write_map(Model& model, const starting_map& start) {
  auto& p = model.parameter_of(map_name(start.layer) + ".weight");
  const index_t c = p.dims.o;
  if (static_cast<index_t>(start.map.size()) != c * c)
    fail("attack.101", start.layer, "found ", start.map.size(), " numbers of a map, expected ", c * c);
  for (index_t row = 0; row < c; ++row)
    for (index_t column = 0; column < c; ++column)
      p.value.data[column * c + row] = start.map[static_cast<std::size_t>(row * c + column)];
}

/// The stitches of a network as they are now.
template <class Model>
std::vector<starting_map> maps_of(Model& model) {
  std::vector<starting_map> found;
  model.for_each_parameter([&](const scope& at, auto& p) {
    std::string name = at.str();
    const std::string ending = std::string(inserted_suffix) + ".weight";
    if (!name.ends_with(ending) || p.dims.file_rank != 2) return;
    name.resize(name.size() - ending.size());
    starting_map now{.layer = name};
    for (index_t row = 0; row < p.dims.o; ++row)
      for (index_t column = 0; column < p.dims.i; ++column)
        now.map.push_back(static_cast<float>(p.value.data[column * p.dims.o + row]));
    found.push_back(std::move(now));
  });
  return found;
}

/// The nearest rotation of every stitch, which is near one: X <- X (3 - X^T X) / 2 (Bjorck and Bowie 1971), which converges where no
/// singular value is above sqrt 3.
template <class T>
void make_orthogonal(T* x, index_t c, int rounds) {
  const auto n = static_cast<std::size_t>(c);
  std::vector<T> gram(n * n), moved(n * n);
  for (int round = 0; round < rounds; ++round) {
    std::fill(gram.begin(), gram.end(), T(0));
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) gram[i * n + j] += x[k * n + i] * x[k * n + j];
    for (std::size_t i = 0; i < n * n; ++i) gram[i] *= T(-0.5);
    for (std::size_t i = 0; i < n; ++i) gram[i * n + i] += T(1.5);
    std::fill(moved.begin(), moved.end(), T(0));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < n; ++k)
        for (std::size_t j = 0; j < n; ++j) moved[i * n + j] += x[i * n + k] * gram[k * n + j];
    std::copy(moved.begin(), moved.end(), x);
  }
}
template <class Model>
void make_maps_orthogonal(Model& model, int rounds = 2) {
  model.for_each_parameter([&](const scope& at, auto& p) {
    if (p.dims.file_rank == 2 && p.dims.i == p.dims.o && is_inserted(at.str()))
      make_orthogonal(p.value.data, p.dims.o, rounds);
  });
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
