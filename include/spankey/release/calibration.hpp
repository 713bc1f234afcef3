// Ranges of the neurons of every MLP of a network over what it is shown: z = W_first x without its bias, token by token, in float.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <vector>

#include "spankey/release/release_product.hpp"
#include "spankey/release/release_scheme.hpp"

namespace spankey {

template <class Backend>
class mlp_calibration final : public mlp_watcher {
 public:
  template <class Model>
  explicit mlp_calibration(const open_network<Model>& network) {
    for (const mlp_place& p : network.places()) {
      const mlp_weights w = mlp_of(network.model, p);
      first_map map{p.inputs, p.hidden, std::vector<float>(w.first.size())};
      for (index_t j = 0; j < p.hidden; ++j)
        for (index_t i = 0; i < p.inputs; ++i)
          map.columns[static_cast<std::size_t>(i * p.hidden + j)] = w.first_of(j)[i];
      maps_.push_back(std::move(map));
      const auto scratch =
          static_cast<std::size_t>(release_product<Backend>::scratch_size(p.inputs, p.hidden));
      scratch_.resize(std::max(scratch_.size(), scratch));
    }
    ranges_.resize(maps_.size());
  }
  bool on_mlp(std::size_t place, const float* x, index_t tokens, float*) override {
    const first_map& m = maps_[place];
    z_.resize(static_cast<std::size_t>(m.hidden));
    for (index_t t = 0; t < tokens; ++t) {
      release_product<Backend>::columns(
          {m.inputs, m.hidden, x + t * m.inputs, m.columns.data(), nullptr, nullptr, z_.data()},
          scratch_.data());
      ranges_[place].add(z_);
    }
    return false;
  }
  [[nodiscard]] const std::vector<neuron_ranges>& ranges() const { return ranges_; }

 private:
  struct first_map {
    index_t inputs, hidden;
    std::vector<float> columns;  // (inputs, hidden)
  };
  std::vector<first_map> maps_;
  std::vector<neuron_ranges> ranges_;
  std::vector<float> z_, scratch_;
};

/// Of every MLP's neurons, while `show(session, watcher)` lets the network read calibration data.
template <class Backend, class Model, class Show>
std::vector<neuron_ranges> calibrate(const open_network<Model>& network, Show&& show) {
  mlp_calibration<Backend> watcher(network);
  watched_session<Backend> session(network.list, network.model);
  show(session, watcher);
  return watcher.ranges();
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
