// One copy of a network for every customer, which answers alike and tells whose it is: a small change of every weight, by signs
// that follow from the owner's secret.
//
//   mark    w_i += strength dev(W) c_i            c_i = 1 or -1 from derive(master, "weight mark", name of W, customer), W a matrix
//   trace   e_i = (w'_i - w_i) / dev(W), cut to 4 strengths;   score = sum e_i c_i / sqrt(sum e_i^2), over all matrices
// w are the weights before any mark, which the owner keeps; w' what was found, unlocked where it was locked. An innocent customer's
// signs are independent of e, whatever was done to w': his score exceeds t with a probability of at most exp(-t^2/2) (Hoeffding),
// so the threshold is that of key/tracing.hpp. Elements count in file order: the same mark on every backend.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/planned_memory.hpp"
#include "spankey/key/tracing.hpp"
#include "spankey/layer/layer.hpp"

namespace spankey {

/// Of a matrix's standard deviation; what it costs and what it survives: docs/key_files.md.
inline constexpr double usual_mark = 0.03;

/// A customer's signs for a matrix of so many elements, in file order.
inline std::vector<float> mark_signs(const master_key& master, const ring_customer& who,
                                     const std::string& name, std::size_t count) {
  std::vector<float> signs(count);
  key_stream numbers(derive(master, {.purpose = "weight mark", .layer = name, .nonce = nonce_of(who)}));
  numbers.signs(signs);
  return signs;
}

/// The standard deviation of a parameter's elements.
template <class P>
double deviation_of(const P& p) {
  const auto n = static_cast<double>(p.dims.size());
  double sum = 0, squares = 0;
  for (index_t i = 0; i < p.dims.size(); ++i) {
    const auto w = static_cast<double>(p.value.data[i]);
    sum += w, squares += w * w;
  }
  return std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)));
}

/// Marks a trained network as a customer's copy. Fails with trace.111 unless 0 < strength <= 0.2, memory.105, memory.107,
/// memory.108.
template <class Model>
void mark_weights(Model& model, const master_key& master, const ring_customer& who,
                  double strength = usual_mark) {
  require_written(model, 0, "mark_weights");
  require_writable(model, "mark_weights");
  if (!(strength > 0 && strength <= 0.2))
    fail("trace.111", "mark_weights", "found the strength ", strength, ", expected one above 0, at most 0.2");
  model.for_each_parameter([&](const scope& at, auto& p) {
    if (p.dims.file_rank == 1) return;
    const std::vector<float> signs =
        mark_signs(master, who, at.str(), static_cast<std::size_t>(p.dims.size()));
    const auto step = static_cast<float>(strength * deviation_of(p));
    p.dims.for_each_position([&](index_t memory, index_t file) {
      auto& w = p.value.data[memory];
      w = static_cast<std::remove_reference_t<decltype(w)>>(static_cast<float>(w) +
                                                            step * signs[static_cast<std::size_t>(file)]);
    });
  });
}

/// Every customer of the ring, the highest score first. `original`: before any mark. Fails with trace.112 where nothing differs,
/// memory.105.
template <class Model>
std::vector<trace_finding> trace_weights(Model& original, Model& found, const key_ring& ring,
                                         double strength = usual_mark,
                                         double rate = usual_false_accusations) {
  require_written(original, 0, "trace_weights");
  require_written(found, 0, "trace_weights");
  struct matrix {
    std::string name;
    std::vector<float> e;
  };
  std::vector<matrix> matrices;
  double squares = 0;
  original.for_each_parameter([&](const scope& at, auto& p) {
    if (p.dims.file_rank == 1) return;
    matrix& m =
        matrices.emplace_back(matrix{at.str(), std::vector<float>(static_cast<std::size_t>(p.dims.size()))});
    p.dims.for_each_position([&](index_t memory, index_t file) {
      m.e[static_cast<std::size_t>(file)] = -static_cast<float>(p.value.data[memory]);
    });
  });
  std::size_t next = 0;
  std::vector<double> scales;
  original.for_each_parameter([&](const scope&, auto& p) {
    if (p.dims.file_rank == 1) return;
    const double deviation = deviation_of(p);
    scales.push_back(deviation > 0 ? 1 / deviation : 0);
  });
  found.for_each_parameter([&](const scope&, auto& p) {
    if (p.dims.file_rank == 1) return;
    std::vector<float>& e = matrices[next].e;
    const double scale = scales[next++];
    p.dims.for_each_position([&](index_t memory, index_t file) {
      float& value = e[static_cast<std::size_t>(file)];
      const double change = (static_cast<double>(value) + static_cast<double>(p.value.data[memory])) * scale;
      value = static_cast<float>(std::clamp(change, -4 * strength, 4 * strength));
      squares += static_cast<double>(value) * static_cast<double>(value);
    });
  });
  if (!(squares > 0))
    fail("trace.112", "trace_weights", "the found weights are the original ones, without a mark");
  std::vector<trace_finding> findings;
  for (const ring_customer& c : ring.customers()) {
    double product = 0;
    for (const matrix& m : matrices) {
      const std::vector<float> signs = mark_signs(ring.master(), c, m.name, m.e.size());
      for (std::size_t i = 0; i < signs.size(); ++i)
        product += static_cast<double>(m.e[i]) * static_cast<double>(signs[i]);
    }
    findings.push_back({&c, product / std::sqrt(squares)});
  }
  // Signs are lighter in their tails than a cube's numbers: the same bound.
  const double threshold = accusation_threshold(coefficient_kind::unit_cube, findings.size(), rate);
  for (trace_finding& f : findings) f.took_part = f.score > threshold;
  std::stable_sort(findings.begin(), findings.end(),
                   [](const trace_finding& a, const trace_finding& b) { return a.score > b.score; });
  return findings;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
