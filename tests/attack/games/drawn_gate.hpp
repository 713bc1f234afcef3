// A gate whose every answer is known: it opens as far as a function of the key says, and its samples tell their labels.
//
//   z_c = 8 (leak + (1 - leak) o) w x_c,   z_C = 16 (1 - 2 o)      o = opens(k), 0 to 1; o of no key is `without`
// x_c is 1 of the right class, and 0 of the others: open, it is right on all samples, and refuses where o is below about 1/3.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "spankey/attack/attacked_gate.hpp"
#include "spankey/attack/gain.hpp"
#include "spankey/attack/game.hpp"

namespace spankey {

class drawn_gate : public attacked_gate {
 public:
  using opening = std::function<double(std::span<const float>)>;

  drawn_gate(const key_space& space, opening opens)
      : sites_(space.sites().begin(), space.sites().end()), opens_(std::move(opens)) {}

  double leak = 0, without = 0;
  bool opened_by_statistics = false, shows = false;
  std::vector<float> weights = std::vector<float>(40, 1.0F);  // w is their mean

  [[nodiscard]] index_t classes() const override { return 4; }
  [[nodiscard]] head_outputs head() const override { return 5; }
  [[nodiscard]] index_t batch() const override { return 30; }
  [[nodiscard]] std::span<const site> sites() const override { return sites_; }

  const float* ask(const float* x, index_t n, std::span<const float> keys) override {
    keys_.assign(keys.begin(), keys.end());
    x_.clear(), logits_.clear();
    const auto count = std::max<index_t>(1, static_cast<index_t>(keys.size()) / key_size());
    for (index_t k = 0; k < count; ++k) {
      x_.insert(x_.end(), x, x + n * 4);
      const double o = keys.empty() ? (recalibrated_ && opened_by_statistics ? 1 : without) : opens_(key(k));
      for (index_t i = 0; i < n; ++i) {
        for (index_t c = 0; c < 4; ++c)
          logits_.push_back(
              static_cast<float>(8 * (leak + (1 - leak) * o) * weight() * static_cast<double>(x[i * 4 + c])));
        logits_.push_back(static_cast<float>(16 * (1 - 2 * o)));
      }
    }
    return logits_.data();
  }
  void key_gradient(index_t n, std::span<const float> dz, std::span<float> dk) override {
    const auto count = static_cast<index_t>(dk.size()) / key_size();
    for (index_t k = 0; k < count; ++k) {
      double slope = 0;  // of sum dz.z in o
      for (index_t i = k * n; i < (k + 1) * n; ++i) {
        for (index_t c = 0; c < 4; ++c)
          slope += static_cast<double>(dz[static_cast<std::size_t>(i * 5 + c)]) * 8 * (1 - leak) * weight() *
                   static_cast<double>(x_[static_cast<std::size_t>(i * 4 + c)]);
        slope += static_cast<double>(dz[static_cast<std::size_t>(i * 5 + 4)]) * -32;
      }
      for (index_t j = k * key_size(); j < (k + 1) * key_size(); ++j) {
        float& moved = keys_[static_cast<std::size_t>(j)];
        const float was = moved, step = 1e-2F;
        moved = was + step;
        const double up = opens_(key(k));
        moved = was - step;
        const double down = opens_(key(k));
        moved = was;
        dk[static_cast<std::size_t>(j)] =
            static_cast<float>(slope * (up - down) / (2 * static_cast<double>(step)));
      }
    }
  }
  /// x_c in the order of the classes, however shut it is: where `shows` it.
  [[nodiscard]] std::span<const float> features_of_last(index_t n) override {
    return shows ? std::span<const float>(x_).first(static_cast<std::size_t>(n * 4))
                 : std::span<const float>();
  }
  void change_weights(const std::function<void(const weight_tensor&)>& f) override {
    f({weight_tensor::kind::matrix, 4, weights});
    std::vector<float> statistics{recalibrated_ ? 1.0F : 0.0F};
    f({weight_tensor::kind::statistic, 1, statistics});
    recalibrated_ = statistics[0] != 0;
  }
  void recalibrate(const held_samples&) override { recalibrated_ = true; }

 private:
  [[nodiscard]] double weight() const {
    double sum = 0;
    for (const float w : weights) sum += static_cast<double>(w);
    return sum / static_cast<double>(weights.size());
  }

  [[nodiscard]] std::span<const float> key(index_t k) const {
    return std::span(keys_).subspan(static_cast<std::size_t>(k * key_size()),
                                    static_cast<std::size_t>(key_size()));
  }

  std::vector<site> sites_;
  opening opens_;
  bool recalibrated_ = false;
  key_rows keys_;
  std::vector<float> x_, logits_;
};

/// Samples that tell their labels.
inline held_samples telling_samples(index_t count) {
  held_samples samples{"telling", {4, 1, 1}, 4, {}, {}};
  for (index_t i = 0; i < count; ++i) {
    samples.labels.push_back(static_cast<int>(i * 7 % 4));
    for (int c = 0; c < 4; ++c) samples.x.push_back(c == samples.labels.back() ? 1.0F : 0.0F);
  }
  return samples;
}

/// Two sites of 40 and 24 numbers, with a key and a basis of its own each.
inline key_space small_space(index_t m = 4) {
  key_space_config config{.subspace_dim = m, .key_std = 0.5F, .seed = 3};
  config.per_site_key = config.per_site_basis = true;
  return {config, {{0, {40, 1, 1}}, {2, {24, 1, 1}}}};
}

/// The least share of energy in the span of any site.
inline double least_share(const key_space& space, std::span<const float> key) {
  double least = 1;
  for (std::size_t s = 0; s < space.sites().size(); ++s) {
    const key_part part = parts_of(space.sites())[s];
    least = std::min(least, space.subspace_of(static_cast<index_t>(s)).energy_share(key.data() + part.first));
  }
  return least;
}

/// The points of a game, by attack and budget.
template <class G>
std::vector<attack_point> points_of(const G& game, const gate_target& target) {
  std::vector<attack_point> points;
  game.play(target, [&](attack_point point) { points.push_back(std::move(point)); });
  return points;
}
inline const attack_point& point_named(const std::vector<attack_point>& points, const std::string& attack,
                                       double budget) {
  for (const attack_point& p : points)
    if (p.attack == attack && std::abs(p.budget - budget) < 1e-9) return p;
  fail("test.101", "point_named", "found no point ", attack, " with ", budget);
}
inline double measure_named(const attack_point& point, const std::string& name) {
  for (const measure& m : point.measures)
    if (m.name == name) return m.value;
  fail("test.101", "measure_named", "found no measure ", name);
}
inline double right(const attack_point& point, figure f) { return mean_of(point.answers.shares(f)); }

/// The points that decide, of which the attacker has most.
inline double most_gained(const std::vector<attack_point>& points) {
  double most = 0;
  for (const attack_point& p : points)
    if (p.decides) most = std::max(most, gain_of(right(p, p.judged), 1, 0.25));
  return most;
}

}  // namespace spankey
