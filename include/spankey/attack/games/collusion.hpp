// Game 6, leak and collusion: r owners of keys put them together, and make others of them; the owner of the network tries to say who
// they were.
//
//   convex   sum w_i k_i, w_i >= 0, sum w_i = 1          negated   its negative
//   affine   sum w_i k_i, sum w_i = 1, w Gaussian           beyond    mean + 2 (k_i - mean), r >= 2
//   span     isotropic in the span of the r keys
// Every site's part of a forged key has the size of the first leaked one's. A leaked key itself is access for whoever has it, in every
// design: that is no forgery, and no point.
// Measures: `traced`, the share of forged keys of which a colluder is accused. Of every tenant the score is the cosine of the forged
// key and his, both in the coordinates of the spans and without the tenants' mean; accused is who has more than all but 1 in 1,000
// of the innocent.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "spankey/attack/game.hpp"

namespace spankey {

struct collusion {
  static constexpr int number = 6;
  static constexpr std::string_view title = "leak, collusion";
  static constexpr knowledge knows = knowledge::architecture;
  static constexpr bool needs_keys = true;

  struct limits_type {
    std::vector<index_t> leaked = {1, 2, 4, 8, 16};  // keys
    index_t forged = 1000;                           // keys of every kind
    index_t tenants = 100;  // of whom the first are those who put their keys together
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    l.leaked = at_budget<std::vector<index_t>>(b, {1, 2, 8}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16, 32, 64});
    l.forged = at_budget<index_t>(b, 20, 100, 1000);
    return l;
  }

  /// Fails with attack.127 for no leaked keys, or as many as tenants or more.
  void play(const gate_target& target, const point_listener& tell) const {
    for (const index_t r : limits.leaked)
      if (r < 1 || r >= limits.tenants)
        fail("attack.127", "collusion", "found ", r, " leaked keys of ", limits.tenants,
             " tenants, expected at least 1, and fewer than there are tenants");
    const key_rows tenants = draw_keys(*target.secret, nullptr, limits.tenants, target.seed ^ leak_seed);
    const tracer owner(*target.secret, tenants, limits.tenants);
    for (const index_t r : limits.leaked)
      for (const mix kind : {mix::convex, mix::negated, mix::affine, mix::beyond, mix::span}) {
        if (r < 2 && (kind == mix::affine || kind == mix::convex || kind == mix::beyond)) continue;
        const key_rows forged = forge(target, tenants, r, kind);
        tell({.attack = std::string(name_of(kind)),
              .unit = "leaked keys",
              .budget = static_cast<double>(r),
              .answers = ask_keys(target.gate, target.judged, forged),
              .measures = {{"traced", owner.traced(forged, r)}}});
      }
  }

 private:
  enum class mix : unsigned char { convex, negated, affine, beyond, span };
  static constexpr std::uint64_t leak_seed = 0x6C65616BULL;
  static constexpr std::string_view name_of(mix kind) {
    constexpr std::string_view names[] = {"convex", "negated", "affine", "beyond", "span"};
    return names[static_cast<std::size_t>(kind)];
  }

  // Weights of one forged key.
  static std::vector<double> weights_of(mix kind, index_t r, const random_source& drawn, std::uint64_t key) {
    const auto count = static_cast<std::size_t>(r);
    const std::uint64_t from = key * static_cast<std::uint64_t>(r);
    std::vector<double> w(count);
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t at = from + i;
      w[i] = kind == mix::affine || kind == mix::span ? drawn.gaussian(at)
                                                      : -std::log(drawn.uniform(at) + 0x1p-25);
      sum += w[i];
    }
    switch (kind) {
      case mix::convex:
        for (double& x : w) x /= sum;
        break;
      case mix::negated:
        for (double& x : w) x /= -sum;
        break;
      case mix::affine:
        for (double& x : w) x += (1 - sum) / static_cast<double>(r);
        break;
      case mix::beyond:
        std::fill(w.begin(), w.end(), -1 / static_cast<double>(r));
        w[key % count] += 2;
        break;
      case mix::span:
        break;
    }
    return w;
  }

  key_rows forge(const gate_target& target, const key_rows& tenants, index_t r, mix kind) const {
    const std::vector<key_part> parts = parts_of(target.gate.sites());
    const index_t size = target.gate.key_size();
    const random_source drawn(target.seed, stream::forgery, static_cast<std::uint64_t>(kind));
    key_rows forged(static_cast<std::size_t>(limits.forged * size));
    for (const key_part& part : parts) {
      // What is mixed: the leaked keys at this site, or directions that span them.
      secret_vector<double> rows(static_cast<std::size_t>(r * part.size));
      double square = 0;
      for (index_t i = 0; i < r; ++i)
        for (index_t j = 0; j < part.size; ++j) {
          const auto k = static_cast<double>(tenants[static_cast<std::size_t>(i * size + part.first + j)]);
          rows[static_cast<std::size_t>(i * part.size + j)] = k;
          square += i == 0 ? k * k : 0;
        }
      const index_t spanned = std::min(r, part.size);
      if (kind == mix::span) (void)orthonormalise(rows, spanned, part.size);
      std::vector<double> k(static_cast<std::size_t>(part.size));
      for (index_t f = 0; f < limits.forged; ++f) {
        const std::vector<double> w = weights_of(kind, spanned, drawn, static_cast<std::uint64_t>(f));
        std::fill(k.begin(), k.end(), 0.0);
        for (index_t i = 0; i < spanned; ++i)
          for (index_t j = 0; j < part.size; ++j)
            k[static_cast<std::size_t>(j)] +=
                w[static_cast<std::size_t>(i)] * rows[static_cast<std::size_t>(i * part.size + j)];
        double own = 0;
        for (const double x : k) own += x * x;
        const double factor = own > 0 ? std::sqrt(square / own) : 0;
        for (index_t j = 0; j < part.size; ++j)
          forged[static_cast<std::size_t>(f * size + part.first + j)] =
              static_cast<float>(factor * k[static_cast<std::size_t>(j)]);
      }
    }
    return forged;
  }

  // The owner, who knows the spans and which key is whose.
  class tracer {
   public:
    tracer(const key_space& space, const key_rows& tenants, index_t count) : space_(space) {
      for (std::size_t s = 0; s < space.sites().size(); ++s)
        width_ += static_cast<std::size_t>(space.subspace_of(static_cast<index_t>(s)).dimension());
      mean_.assign(width_, 0.0);
      const std::size_t size = tenants.size() / static_cast<std::size_t>(count);
      for (index_t t = 0; t < count; ++t) {
        known_.push_back(coordinates(tenants.data() + static_cast<std::size_t>(t) * size));
        for (std::size_t i = 0; i < width_; ++i) mean_[i] += known_.back()[i] / static_cast<double>(count);
      }
      for (auto& k : known_)
        for (std::size_t i = 0; i < width_; ++i) k[i] -= mean_[i];
    }
    /// Share of the forged keys of which one of the first r tenants is accused.
    [[nodiscard]] double traced(const key_rows& forged, index_t r) const {
      const std::size_t size = static_cast<std::size_t>(parts_of(space_.sites()).back().first +
                                                        parts_of(space_.sites()).back().size);
      std::vector<double> guilty, innocent;
      for (std::size_t at = 0; at < forged.size(); at += size) {
        std::vector<double> k = coordinates(forged.data() + at);
        for (std::size_t i = 0; i < width_; ++i) k[i] -= mean_[i];
        double most = -1;
        for (std::size_t t = 0; t < known_.size(); ++t) {
          const double score = cosine(k, known_[t]);
          if (t < static_cast<std::size_t>(r)) {
            most = std::max(most, score);
          } else {
            innocent.push_back(score);
          }
        }
        guilty.push_back(most);
      }
      const auto bound = innocent.begin() +
                         static_cast<std::ptrdiff_t>(0.999 * static_cast<double>(innocent.size() - 1) + 0.5);
      std::nth_element(innocent.begin(), bound, innocent.end());
      const auto accused = std::count_if(guilty.begin(), guilty.end(), [&](double s) { return s > *bound; });
      return static_cast<double>(accused) / static_cast<double>(guilty.size());
    }

   private:
    [[nodiscard]] std::vector<double> coordinates(const float* key) const {
      std::vector<double> found;
      for (std::size_t s = 0; s < space_.sites().size(); ++s) {
        const subspace& span = space_.subspace_of(static_cast<index_t>(s));
        for (index_t i = 0; i < span.dimension(); ++i) {
          const float* const row = span.orthonormal_basis() + i * span.size();
          double sum = 0;
          for (index_t j = 0; j < span.size(); ++j)
            sum += static_cast<double>(row[j]) * static_cast<double>(key[j]);
          found.push_back(sum);
        }
        key += span.size();
      }
      return found;
    }
    static double cosine(const std::vector<double>& a, const std::vector<double>& b) {
      double ab = 0, aa = 0, bb = 0;
      for (std::size_t i = 0; i < a.size(); ++i) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
      return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
    }

    const key_space& space_;
    std::size_t width_ = 0;
    std::vector<double> mean_;
    std::vector<std::vector<double>> known_;
  };
};

static_assert(Game<collusion>);

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
