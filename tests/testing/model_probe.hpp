// A keyed model with everything that one stacked batch needs: memory, weights, x, keys of the first two
// groups at every site (the third has none), and a fixed upstream gradient r at the logits: loss = sum r z.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/random.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/model.hpp"
#include "spankey/optim/optimizer.hpp"
#include "spankey/testing/gradient_check.hpp"

namespace spankey::test {

template <class Model, class Memory = arena>
class model_probe {
 public:
  using T = typename Model::scalar;
  static constexpr std::size_t site_count = Model::sites.size();
  static constexpr index_t keyed_groups = 2;
  template <class Element>
  using per_key = std::array<std::array<std::vector<Element>, keyed_groups>, site_count>;

  Model model;
  pass p;
  std::vector<T> x, r;
  per_key<T> keys, key_gradients;

  /// `first` is the group of the whole stacked batch that this batch starts with (0, or a group on its own).
  model_probe(index_t groups, index_t samples_of_group, float gamma, index_t first = 0)
      : p{.groups = groups, .training = true},
        samples_of_group_(samples_of_group),
        first_(first),
        memory_(planned(gamma), groups * samples_of_group) {
    initialise(model, 5);
    fill_uneven();
    const index_t samples = groups * samples_of_group;
    x = drawn(samples * Model::input::size, 100, first * samples_of_group * Model::input::size, 1.0);
    r = drawn(samples * Model::outputs, 101, first * samples_of_group * Model::outputs, 1.0);
    for (std::size_t s = 0; s < site_count; ++s)
      for (index_t g = first; g < std::min(first + groups, keyed_groups); ++g) {
        if (!Model::has_site(static_cast<int>(s))) continue;
        const index_t size = samples_of_group * Model::sites[s].size();
        keys[s][static_cast<std::size_t>(g)] =
            drawn(size, 110 + 10 * s + static_cast<std::size_t>(g), 0, 0.8);
        key_gradients[s][static_cast<std::size_t>(g)].assign(static_cast<std::size_t>(size), T(0));
      }
  }

  [[nodiscard]] const Memory& memory() const { return memory_; }
  [[nodiscard]] index_t samples() const { return p.groups * samples_of_group_; }

  auto forward() {
    model_keys<T, site_count> views;
    for (std::size_t s = 0; s < site_count; ++s)
      for (index_t g = first_; g < std::min(first_ + p.groups, keyed_groups); ++g) {
        const std::size_t from = static_cast<std::size_t>(g), to = static_cast<std::size_t>(g - first_);
        if (keys[s][from].empty()) continue;
        views[s].group[to] = {keys[s][from], Model::sites[s].size()};
        views[s].gradient[to] = key_gradients[s][from];
      }
    return model.forward(p, batch_view<const T, typename Model::input>{x.data(), samples()}, views);
  }
  double loss() {
    const auto z = forward();
    double sum = 0;
    for (index_t i = 0; i < z.size(); ++i) {
      sum += static_cast<double>(r[static_cast<std::size_t>(i)]) * static_cast<double>(z.data()[i]);
    }
    return sum;
  }
  /// Forward, then backward from r; parameter gradients accumulate. Returns the logits.
  auto backward() {
    const auto z = forward();
    std::copy(r.begin(), r.end(), model.logit_gradient(samples()).data());
    model.backward(p, samples());
    return z;
  }
  std::span<T> value(const std::string& name) { return tensor(name, false); }
  std::span<T> gradient(const std::string& name) { return tensor(name, true); }

 private:
  Model& planned(float gamma) {
    model.for_each_site([&](int, auto& site) { site.injector.gamma = gamma; });
    return model;
  }
  // Biases and batch norm scales away from their start values, so that no gradient vanishes by symmetry.
  void fill_uneven() {
    std::uint64_t seed = 200;
    model.for_each_parameter([&](const scope&, parameter<T>& w) {
      const auto shift = drawn(w.dims.size(), ++seed, 0, 0.2);
      if (w.dims.file_rank == 1)
        for (std::size_t i = 0; i < shift.size(); ++i) w.value.data[i] += shift[i];
    });
  }
  static std::vector<T> drawn(index_t count, std::uint64_t seed, index_t from, double reach) {
    const random_source random(seed, stream::evaluation);
    std::vector<T> v(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < v.size(); ++i)
      v[i] = static_cast<T>(reach * (2 * random.uniform(i + static_cast<std::size_t>(from)) - 1));
    return v;
  }
  std::span<T> tensor(const std::string& name, bool gradient) {
    std::span<T> found;
    model.for_each_parameter([&](const scope& at, parameter<T>& w) {
      if (at.str() == name)
        found = {gradient ? w.gradient.data : w.value.data, static_cast<std::size_t>(w.dims.size())};
    });
    INFO(name);
    REQUIRE_FALSE(found.empty());
    return found;
  }

  index_t samples_of_group_, first_;
  Memory memory_;
};

/// d loss / d t at 0, every parameter moving by t times its own direction: one number that every parameter
/// gradient of the model enters.
template <class Model>
gradient_check_result check_all_parameters(model_probe<Model>& probe, double step) {
  std::vector<std::vector<double>> start, direction;
  double slope = 0;
  std::uint64_t seed = 300;
  probe.model.for_each_parameter([&](const scope&, parameter<double>& w) {
    const random_source random(++seed, stream::evaluation);
    start.emplace_back(w.value.data, w.value.data + w.dims.size());
    auto& d = direction.emplace_back(start.back().size());
    double squared = 0;
    for (index_t i = 0; i < w.dims.size(); ++i) squared += w.gradient.data[i] * w.gradient.data[i];
    // Along its gradient, scaled so that every tensor contributes about 1: none hides behind the others.
    for (std::size_t i = 0; i < d.size(); ++i)
      d[i] = (0.5 + random.uniform(i)) * w.gradient.data[i] / squared;
    slope += std::inner_product(d.begin(), d.end(), w.gradient.data, 0.0);
  });
  std::vector<double> t = {0.0};
  const auto result = check_gradient(
      t, std::vector<double>{slope},
      [&] {
        std::size_t index = 0;
        probe.model.for_each_parameter([&](const scope&, parameter<double>& w) {
          for (std::size_t i = 0; i < start[index].size(); ++i)
            w.value.data[i] = start[index][i] + t[0] * direction[index][i];
          ++index;
        });
        return probe.loss();
      },
      1, step);
  std::size_t index = 0;
  probe.model.for_each_parameter([&](const scope&, parameter<double>& w) {
    std::copy(start[index].begin(), start[index].end(), w.value.data);
    ++index;
  });
  return result;
}

/// Every named parameter, at most `limit` elements each.
template <class Model>
void check_parameters(model_probe<Model>& probe, const std::vector<std::string>& names, std::size_t limit,
                      double step, double bound) {
  for (const std::string& name : names) {
    const std::span<double> gradient = probe.gradient(name);
    const std::vector<double> analytic(gradient.begin(), gradient.end());
    const auto result = check_gradient(
        probe.value(name), analytic, [&] { return probe.loss(); }, limit, step);
    INFO(name, ": relative error ", result.error, ", numeric norm ", result.numeric_norm);
    CHECK(result.numeric_norm > 1e-4);
    CHECK(result.error < bound);
  }
}

/// The keys of every site and keyed group, at most `limit` elements each.
template <class Model>
void check_keys(model_probe<Model>& probe, std::size_t limit, double step, double bound) {
  for (std::size_t s = 0; s < probe.keys.size(); ++s)
    for (std::size_t g = 0; g < probe.keys[s].size(); ++g) {
      if (probe.keys[s][g].empty()) continue;
      const std::vector<double> analytic = probe.key_gradients[s][g];
      const auto result = check_gradient(
          probe.keys[s][g], analytic, [&] { return probe.loss(); }, limit, step);
      INFO("key of site ", s, ", group ", g, ": relative error ", result.error, ", numeric norm ",
           result.numeric_norm);
      CHECK(result.numeric_norm > 1e-5);
      CHECK(result.error < bound);
    }
}

/// The same for deep models, where a forward is expensive: the whole key moves along one pseudo-random
/// direction, so that every element of its gradient enters one number.
template <class Model>
void check_keys_along_direction(model_probe<Model>& probe, double step, double bound) {
  for (std::size_t s = 0; s < probe.keys.size(); ++s)
    for (std::size_t g = 0; g < probe.keys[s].size(); ++g) {
      std::vector<double>& key = probe.keys[s][g];
      if (key.empty()) continue;
      const std::vector<double> start = key, gradient = probe.key_gradients[s][g];
      const random_source random(400 + s, stream::evaluation, g);
      std::vector<double> direction(key.size());
      for (std::size_t i = 0; i < key.size(); ++i) direction[i] = 2 * random.uniform(i) - 1;
      const double slope = std::inner_product(direction.begin(), direction.end(), gradient.begin(), 0.0);
      std::vector<double> t = {0.0};
      const auto result = check_gradient(
          t, std::vector<double>{slope},
          [&] {
            for (std::size_t i = 0; i < key.size(); ++i) key[i] = start[i] + t[0] * direction[i];
            return probe.loss();
          },
          1, step);
      key = start;
      INFO("key of site ", s, ", group ", g, ": relative error ", result.error, ", numeric norm ",
           result.numeric_norm);
      CHECK(result.numeric_norm > 1e-4);
      CHECK(result.error < bound);
    }
}

/// Dotted names of the parameters and states of a model, with their file shapes; no memory needed.
template <class Model>
std::vector<std::string> file_tensors(Model& model) {
  using T = typename Model::scalar;
  std::vector<std::string> lines;
  model.for_each_parameter([&](const scope& name, parameter<T>& w) {
    std::string line = name.str() + " (";
    const auto extents = w.dims.file_shape();
    index_t size = 1;
    for (int i = 0; i < w.dims.file_rank; ++i) {
      const index_t extent = extents[static_cast<std::size_t>(i)];
      line += (i > 0 ? "," : "") + std::to_string(extent);
      size *= extent;
    }
    CHECK(size == w.dims.size());
    lines.push_back(line + ")");
  });
  model.for_each_state([&](const scope& name, state<T>& s) {
    lines.push_back(name.str() + " (" + std::to_string(s.count) + ")");
  });
  return lines;
}

template <class Model>
index_t parameter_count(Model& model) {
  index_t count = 0;
  model.for_each_parameter(
      [&](const scope&, parameter<typename Model::scalar>& w) { count += w.dims.size(); });
  return count;
}

/// One stacked batch of `groups` groups equals that many separate batches: logits, key gradients and running
/// statistics bit for bit, summed parameter gradients to rounding (`rounding`, relative to the largest).
template <class Model>
void check_stacked_batch(index_t groups, index_t samples_of_group, double rounding) {
  using T = typename Model::scalar;
  INFO(groups, " groups of ", samples_of_group);
  model_probe<Model> stacked(groups, samples_of_group, 0.7F);
  const auto z = stacked.backward();

  std::vector<std::vector<T>> gradients, states;
  for (index_t g = 0; g < groups; ++g) {
    model_probe<Model> alone(1, samples_of_group, 0.7F, g);
    std::size_t index = 0;
    if (g > 0)  // running statistics go on where the group before left them
      alone.model.for_each_state([&](const scope&, state<T>& s) {
        std::copy(states[index].begin(), states[index].end(), s.value.data);
        ++index;
      });
    const auto alone_z = alone.backward();
    CHECK(std::equal(alone_z.data(), alone_z.data() + alone_z.size(), z.sample(g * samples_of_group)));
    if (g < model_probe<Model>::keyed_groups)
      for (std::size_t s = 0; s < stacked.keys.size(); ++s) {
        INFO("key gradient of site ", s, ", group ", g);
        const std::size_t group = static_cast<std::size_t>(g);
        CHECK(alone.key_gradients[s][group] == stacked.key_gradients[s][group]);
      }
    states.clear();
    alone.model.for_each_state(
        [&](const scope&, state<T>& s) { states.emplace_back(s.value.data, s.value.data + s.count); });
    index = 0;
    alone.model.for_each_parameter([&](const scope&, parameter<T>& w) {
      if (g == 0) gradients.emplace_back(static_cast<std::size_t>(w.dims.size()), T(0));
      for (std::size_t i = 0; i < gradients[index].size(); ++i) gradients[index][i] += w.gradient.data[i];
      ++index;
    });
  }

  std::size_t index = 0;
  stacked.model.for_each_parameter([&](const scope& name, parameter<T>& w) {
    INFO("gradient of ", name.str());
    double apart = 0, largest = 0;
    for (std::size_t i = 0; i < gradients[index].size(); ++i) {
      apart = std::max(apart, std::abs(static_cast<double>(gradients[index][i] - w.gradient.data[i])));
      largest = std::max(largest, std::abs(static_cast<double>(gradients[index][i])));
    }
    CHECK(largest > 0);
    CHECK(apart <= rounding * largest);
    ++index;
  });
  index = 0;
  stacked.model.for_each_state([&](const scope& name, state<T>& s) {
    INFO("running statistics ", name.str());
    CHECK(std::equal(states[index].begin(), states[index].end(), s.value.data));
    ++index;
  });
}

}  // namespace spankey::test
