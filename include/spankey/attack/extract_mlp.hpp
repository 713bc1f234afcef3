// TaylorMLP broken: the weights of every released neuron, from what was released of it alone.
//
//   O = [a, T_1, ..., T_N] (outputs, N + 1) is rank 1: W_down c^T, c = [f(e), p f'(e), p^2 f''(e), ...]
//   gated     e = p z~: for both signs the best w = O c / |c|^2, with residual 1 - |O c|^2 / (|c|^2 |O|_F^2); the smaller one is right
//   ungated   O = [T_1, ..., T_N], p = 1, e = z + b unknown: the e whose c has the direction of O's right singular vector, by a grid
//             of [-10, 10] and a golden section; b = e - z
// The signs can always be told: f(-z) = f(z) - z, so that under either sign all orders from 2 on are the same and the first one
// differs by exactly 1. In double. Source: github.com/vegetable-yx/TaylorAttack, recovery.py (the gated form).
// Where both signs leave a residual above 1e-4 (a bias that was released with nothing) the grid is searched under both. Of a network
// without biases e = p z~ is all that there is to try, gated or not.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "spankey/attack/separate_groups.hpp"

namespace spankey {

/// How one neuron was found.
struct neuron_fit {
  int sign = 1;
  double point = 0;     // e
  double residual = 1;  // what of O is not of rank 1 in the direction of c
  bool failed = true;   // residual above the limit, or too few orders to tell
};

/// Whether the network's first map has biases, which no release has of the neurons that are series.
enum class first_biases : unsigned char { none, withheld };

struct extracted_mlp {
  mlp_weights weights;
  std::vector<neuron_fit> fits;  // of the series, in their order
};

/// Residuals above are failures. bf16 leaves 1e-5.
inline constexpr double residual_limit = 1e-4;

namespace extraction {

/// c of a neuron: orders `first` to `order`.
inline std::vector<double> coefficients_at(activation act, int first, int order, int sign, double point) {
  const derivatives f = derivatives_at(act, point);
  std::vector<double> c;
  for (int n = first; n <= order; ++n)
    c.push_back(sign < 0 && n % 2 == 1 ? -f[static_cast<std::size_t>(n)] : f[static_cast<std::size_t>(n)]);
  return c;
}
inline double length_of(const std::vector<double>& c) {
  double sum = 0;
  for (const double x : c) sum += x * x;
  return std::sqrt(sum);
}
inline void normalise(std::vector<double>& c) {
  const double length = length_of(c);
  for (double& x : c) x = length > 0 ? x / length : 0;
}

/// The released vectors of one neuron, and what is asked of them.
class neuron_vectors {
 public:
  neuron_vectors(const taylor_mlp& r, index_t neuron) : size_(r.outputs), first_(r.gated() ? 0 : 1) {
    if (r.gated()) vectors_.push_back(r.value.data() + neuron * r.outputs);
    for (int n = 1; n <= r.order; ++n) vectors_.push_back(r.coefficient(n, neuron));
    const std::size_t n = vectors_.size();
    gram_.resize(n * n);
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b) gram_[a * n + b] = dot(vectors_[a], vectors_[b], size_);
  }
  [[nodiscard]] int first() const { return first_; }
  [[nodiscard]] std::size_t count() const { return vectors_.size(); }
  [[nodiscard]] double squared() const {
    double sum = 0;
    for (std::size_t n = 0; n < count(); ++n) sum += gram_[n * count() + n];
    return sum;
  }
  [[nodiscard]] double residual(const std::vector<double>& c) const {
    double along = 0;
    for (std::size_t a = 0; a < count(); ++a)
      for (std::size_t b = 0; b < count(); ++b) along += c[a] * gram_[a * count() + b] * c[b];
    const double whole = length_of(c) * length_of(c) * squared();
    return whole > 0 ? std::max(0.0, 1 - along / whole) : 1;
  }
  /// The right singular vector of the largest singular value, by powers of the Gram matrix.
  [[nodiscard]] std::vector<double> direction() const {
    std::vector<double> u(count()), next(count());
    for (std::size_t n = 0; n < count(); ++n) u[n] = std::sqrt(gram_[n * count() + n]);
    normalise(u);
    for (int step = 0; step < 40; ++step) {
      for (std::size_t a = 0; a < count(); ++a) {
        next[a] = 0;
        for (std::size_t b = 0; b < count(); ++b) next[a] += gram_[a * count() + b] * u[b];
      }
      normalise(next);
      u.swap(next);
    }
    return u;
  }
  /// w = O c / |c|^2
  [[nodiscard]] std::vector<float> weights(const std::vector<double>& c) const {
    const double scale = 1 / (length_of(c) * length_of(c));
    std::vector<float> w;
    for (index_t o = 0; o < size_; ++o) {
      double sum = 0;
      for (std::size_t n = 0; n < count(); ++n) sum += c[n] * static_cast<double>(vectors_[n][o]);
      w.push_back(static_cast<float>(sum * scale));
    }
    return w;
  }

 private:
  index_t size_;
  int first_;
  std::vector<const float*> vectors_;
  std::vector<double> gram_;
};

/// Directions of c on a grid of expansion points, for one sign.
class point_search {
 public:
  point_search(activation act, int first, int order, int sign)
      : act_(act), first_(first), order_(order), sign_(sign) {
    for (int i = 0; i < points; ++i) {
      std::vector<double> c = coefficients_at(act, first, order, sign, at(i));
      normalise(c);
      grid_.insert(grid_.end(), c.begin(), c.end());
    }
  }
  /// The point whose direction is u, or -u: the best of the valleys between points of the grid, of which there may be several
  /// nearly as deep where the orders are few.
  [[nodiscard]] double find(const std::vector<double>& u) const {
    std::vector<double> along(static_cast<std::size_t>(points));
    for (std::size_t i = 0; i < along.size(); ++i) {
      double sum = 0;
      for (std::size_t n = 0; n < u.size(); ++n) sum += grid_[i * u.size() + n] * u[n];
      along[i] = std::abs(sum);
    }
    std::vector<std::size_t> valleys;
    for (std::size_t i = 0; i < along.size(); ++i)
      if ((i == 0 || along[i] >= along[i - 1]) && (i + 1 == along.size() || along[i] >= along[i + 1]))
        valleys.push_back(i);
    std::stable_sort(valleys.begin(), valleys.end(),
                     [&](std::size_t x, std::size_t y) { return along[x] > along[y]; });
    // Half a step of the grid costs less than this.
    std::erase_if(valleys,
                  [&, most = along[valleys.front()]](std::size_t i) { return along[i] < most - 1e-3; });
    valleys.resize(std::min<std::size_t>(valleys.size(), 8));
    double best = 0, least = 1e300;
    for (const std::size_t i : valleys) {
      const double point = deepest(u, at(static_cast<int>(i) - 1), at(static_cast<int>(i) + 1));
      if (const double d = distance(u, point); d < least) least = d, best = point;
    }
    return best;
  }

 private:
  static constexpr int points = 4001;
  static constexpr double at(int i) { return -10 + 20.0 * i / (points - 1); }
  // Between low and high, by a golden section.
  [[nodiscard]] double deepest(const std::vector<double>& u, double low, double high) const {
    constexpr double share = 0.6180339887498949;
    double left = high - share * (high - low), right = low + share * (high - low);
    double of_left = distance(u, left), of_right = distance(u, right);
    for (int step = 0; step < 60; ++step) {
      if (of_left < of_right) {
        high = right, right = left, of_right = of_left;
        left = high - share * (high - low), of_left = distance(u, left);
      } else {
        low = left, left = right, of_left = of_right;
        right = low + share * (high - low), of_right = distance(u, right);
      }
    }
    return (low + high) / 2;
  }
  [[nodiscard]] double distance(const std::vector<double>& u, double point) const {
    std::vector<double> c = coefficients_at(act_, first_, order_, sign_, point);
    normalise(c);
    double along = 0, sum = 0;
    for (std::size_t n = 0; n < u.size(); ++n) along += c[n] * u[n];
    for (std::size_t n = 0; n < u.size(); ++n) {
      const double d = u[n] - (along < 0 ? -c[n] : c[n]);
      sum += d * d;
    }
    return sum;
  }

  activation act_;
  int first_, order_, sign_;
  std::vector<double> grid_;
};

}  // namespace extraction

namespace extraction {

// Of a release of single neurons. `either_sign`: W~ may point where W_first does not.
inline extracted_mlp extract_neurons(const taylor_mlp& r, first_biases biases, bool either_sign) {
  extracted_mlp found{{.act = r.act, .inputs = r.inputs, .hidden = r.hidden(), .outputs = r.outputs}, {}};
  mlp_weights& w = found.weights;
  const auto size = [](index_t i) { return static_cast<std::size_t>(i); };
  w.first.resize(size(w.hidden * w.inputs)), w.down.resize(size(w.hidden * w.outputs));
  if (r.gated()) w.up.resize(w.first.size());
  w.first_bias.resize(size(w.hidden));
  for (std::size_t j = 0; j < r.plain.size(); ++j) {
    const auto from = static_cast<index_t>(j);
    std::copy_n(r.rest.first_of(from), w.inputs, w.first.begin() + r.plain[j] * w.inputs);
    if (r.gated()) std::copy_n(r.rest.up_of(from), w.inputs, w.up.begin() + r.plain[j] * w.inputs);
    std::copy_n(r.rest.down_of(from), w.outputs, w.down.begin() + r.plain[j] * w.outputs);
    w.first_bias[size(r.plain[j])] = r.rest.bias_of(from);
  }
  std::vector<double> constant(r.constant.begin(), r.constant.end());
  const int first_order = r.gated() ? 0 : 1;
  std::vector<point_search> searches;  // made when the first neuron wants them
  for (index_t j = 0; j < r.series(); ++j) {
    const neuron_vectors vectors(r, j);
    const auto point = static_cast<double>(r.point[size(j)]);
    neuron_fit best;
    std::vector<double> c(std::max<std::size_t>(vectors.count(), 1), 1.0);
    const auto consider = [&](int sign, double at) {
      const std::vector<double> tried = coefficients_at(r.act, first_order, r.order, sign, at);
      const double residual = vectors.residual(tried);
      if (residual < best.residual) best = {sign, at, residual, residual > residual_limit}, c = tried;
    };
    if (r.gated() || biases == first_biases::none) {
      consider(1, point);
      if (either_sign) consider(-1, -point);
    }
    if (biases == first_biases::withheld && best.residual > residual_limit && vectors.count() > 1) {
      const std::vector<double> u = vectors.direction();
      for (const int sign : {1, -1}) {
        if (sign < 0 && !either_sign) break;
        if (searches.size() < (sign < 0 ? 2U : 1U)) searches.emplace_back(r.act, first_order, r.order, sign);
        consider(sign, searches[sign < 0 ? 1 : 0].find(u));
      }
    }
    if (vectors.count() < 2) best.failed = true;
    found.fits.push_back(best);
    const std::int64_t neuron = r.sampled[size(j)];
    for (index_t i = 0; i < w.inputs; ++i)
      w.first[size(neuron * w.inputs + i)] = static_cast<float>(best.sign) * r.first[size(j * w.inputs + i)];
    if (r.gated()) std::copy_n(r.up.begin() + j * w.inputs, w.inputs, w.up.begin() + neuron * w.inputs);
    w.first_bias[size(neuron)] = static_cast<float>(best.point - best.sign * point);
    if (vectors.count() > 0) {
      const std::vector<float> down = vectors.weights(c);
      std::copy(down.begin(), down.end(), w.down.begin() + neuron * w.outputs);
    }
    const double value = derivatives_at(r.act, best.point)[0];
    for (std::size_t o = 0; !r.gated() && o < constant.size(); ++o)
      constant[o] -= value * static_cast<double>(w.down[size(neuron * w.outputs) + o]);
  }
  for (const double b : constant) w.down_bias.push_back(static_cast<float>(b));
  if (biases == first_biases::none ||
      std::all_of(w.first_bias.begin(), w.first_bias.end(), [](float b) { return b == 0; }))
    w.first_bias.clear();
  return found;
}

}  // namespace extraction

/// Weights of the MLP, neurons in their own order, of groups in some order within each, biases of the ungated form among them; those
/// that failed are what fits best.
inline extracted_mlp extract_mlp(const taylor_mlp& r, first_biases biases = first_biases::withheld) {
  return r.group > 1 ? extraction::extract_neurons(separated(r), biases, true)
                     : extraction::extract_neurons(r, biases, r.gated());
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
