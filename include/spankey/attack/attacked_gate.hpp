// A gated network as attackers ask it: samples of their own, under keys of their own.
//
//   ask            x (n, H, W, C) under every one of some keys -> logits (keys, n, outputs)
//   key_gradient   dz (keys, n, outputs) -> dk (keys, numbers), the gradient of sum dz.z in each; of what was asked last
// A key is those of all sites, one behind the other in the order of sites(), each in memory order: key_size() numbers. Games
// that do not train know no more of a network than this, and are compiled once (attack/attacked_network.hpp makes one of a network).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "spankey/attack/held_samples.hpp"
#include "spankey/core/head_outputs.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/key/site.hpp"
#include "spankey/train/drawn_key.hpp"

namespace spankey {

/// Keys one behind the other. They may be valid ones: their memory is wiped.
using key_rows = secret_vector<float>;

/// Weights of a network as who holds them sees them: number i belongs to output i % outputs.
struct weight_tensor {
  enum class kind : unsigned char { matrix, vector, statistic } what;
  index_t outputs;
  std::span<float> values;
};

class attacked_gate {
 public:
  attacked_gate() = default;
  attacked_gate(const attacked_gate&) = delete;
  attacked_gate& operator=(const attacked_gate&) = delete;
  virtual ~attacked_gate() = default;

  [[nodiscard]] virtual index_t classes() const = 0;
  [[nodiscard]] virtual head_outputs head() const = 0;
  /// The most samples that are asked at once.
  [[nodiscard]] virtual index_t batch() const = 0;
  [[nodiscard]] virtual std::span<const site> sites() const = 0;

  /// Logits of n samples under every key of `keys`, which stand one behind the other, (keys, n, outputs), until the next call;
  /// without a key where it is empty. Keys times n are at most batch().
  virtual const float* ask(const float* x, index_t n, std::span<const float> keys) = 0;
  /// Overwrites dk, key_size() numbers for every key. After ask() of n samples with keys.
  virtual void key_gradient(index_t n, std::span<const float> dz, std::span<float> dk) = 0;

  /// What the head read of the samples that were asked last, (keys, n, features), until the next call; empty where it does
  /// not show.
  [[nodiscard]] virtual std::span<const float> features_of_last(index_t n) = 0;
  /// Calls f for every tensor of parameters, and of running statistics: it may change their numbers.
  virtual void change_weights(const std::function<void(const weight_tensor&)>& f) = 0;
  /// Running statistics as passes without a key over some samples make them, nothing else of the weights.
  virtual void recalibrate(const held_samples& samples) = 0;

  /// How many keys n <= batch() samples can be asked under at once.
  [[nodiscard]] index_t keys_at_once(index_t n) const { return batch() / n; }
  /// Numbers of a key of all sites.
  [[nodiscard]] index_t key_size() const {
    index_t size = 0;
    for (const site& s : sites()) size += s.shape.size();
    return size;
  }
};

/// Where the key of a site begins, and its size.
struct key_part {
  index_t first, size;
};
inline std::vector<key_part> parts_of(std::span<const site> sites) {
  std::vector<key_part> parts;
  index_t first = 0;
  for (const site& s : sites) {
    parts.push_back({first, s.shape.size()});
    first += s.shape.size();
  }
  return parts;
}

/// `count` keys of all sites: valid ones, or invalid ones of a rule; key i is the one that an evaluation with this seed asks
/// with. Fails as the key space does.
inline key_rows draw_keys(key_space& space, const invalid_rule* rule, index_t count, std::uint64_t seed) {
  const std::vector<key_part> parts = parts_of(space.sites());
  const index_t size = parts.back().first + parts.back().size;
  key_rows keys(static_cast<std::size_t>(count * size));
  std::vector<float*> to(parts.size());
  for (index_t i = 0; i < count; ++i) {
    for (std::size_t s = 0; s < parts.size(); ++s) to[s] = keys.data() + i * size + parts[s].first;
    if (rule == nullptr) {
      space.draw_valid({seed, stream::evaluation, valid_key_step(i)}, 1, to);
    } else {
      space.draw_invalid(*rule, {seed, stream::evaluation, invalid_key_step(i)}, 1, to);
    }
  }
  return keys;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
