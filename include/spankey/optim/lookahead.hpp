// Averaged weights: Lookahead (Zhang et al. 2019, "Lookahead optimizer: k steps forward, 1 step back") around any optimizer.
//   every `every` updates:   average = keep average + (1 - keep) w;   w = average
// keep grows with the cube of the run's progress, from 0 to `keep`, as in airbench94 (Jordan 2024); the last update ends
// with the average itself. The average costs memory only where it is asked for, before the memory is planned:
//   keep_average(model);   const arena memory(model, samples);
// On the processor only.
#pragma once

#include <cstdint>

#include "spankey/core/error.hpp"
#include "spankey/optim/optimizer.hpp"

namespace spankey {

struct lookahead_options {
  std::uint64_t every = 5;
  double keep = 0.7737809375;  // 0.95^5
};

/// Lists an average beside every parameter of `model`: before its arena, which places it.
template <class Model>
void keep_average(Model& model) {
  using T = typename Model::master;
  model.for_each_parameter([](const scope&, parameter<T>& p) { p.keeps_average = true; });
}

class lookahead {
 public:
  /// Errors: optim.113 options out of range.
  explicit lookahead(const lookahead_options& options = {}) : options_(options) {
    if (options.every < 1 || !(options.keep >= 0 && options.keep <= 1))
      fail("optim.113", "lookahead", "expected every at least 1 and keep from 0 to 1, found ", options.every,
           " and ", options.keep);
  }

  /// Before the first update: the average begins with the weights. Fails with optim.114 where a parameter has none.
  template <class Model>
  void begin(Model& model) const {
    for_each_average(model, [](auto& w, auto& average) { average = w; });
  }

  /// After update `step` of `steps`, counting from 0. Fails as begin does.
  template <class Model>
  void step(Model& model, std::uint64_t step, std::uint64_t steps) const {
    const bool is_last = step + 1 == steps;
    if (!is_last && (step + 1) % options_.every != 0) return;
    const double progress = static_cast<double>(step + 1) / static_cast<double>(steps);
    const double keep = is_last ? 1 : options_.keep * progress * progress * progress;
    for_each_average(model, [keep]<class T>(T& w, T& average) {
      w = average = static_cast<T>(keep * static_cast<double>(average) + (1 - keep) * static_cast<double>(w));
    });
  }

 private:
  // f(weight, its average) for all that is trained.
  template <class Model, class F>
  static void for_each_average(Model& model, const F& f) {
    using T = typename Model::master;
    model.for_each_parameter([&](const scope& name, parameter<T>& p) {
      if (p.average.data == nullptr)
        fail("optim.114", name.str(),
             "lookahead found no average: keep_average(model) comes before the arena");
      for (index_t i = 0; !p.frozen && i < p.dims.size(); ++i) f(p.value.data[i], p.average.data[i]);
    });
  }

  lookahead_options options_;
};

}  // namespace spankey
