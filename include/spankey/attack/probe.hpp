// What numbers of a network tell of the labels: a linear map, or one with a hidden layer of ReLUs before it, that is fitted to them.
//
//   z = W h + b,  h = x or relu(V x + a)        minimises mean CE + ridge |W|^2 (and |V|^2), Adam, batches of 64
// x is standardised with means and deviations of the samples that it is fitted to. On one thread, with numbers of its own.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

struct probe_options {
  index_t hidden = 0;
  double ridge = 0, rate = 1e-3;
  index_t epochs = 20, least_updates = 500;  // whichever are more updates
  std::uint64_t seed = 0;
};

class probe {
 public:
  /// Fitted to samples of `width` numbers. Fails with attack.130 unless there is a sample, and a number in it.
  probe(std::span<const float> x, index_t width, std::span<const int> labels, index_t classes,
        const probe_options& options)
      : width_(static_cast<std::size_t>(width)),
        hidden_(static_cast<std::size_t>(options.hidden)),
        classes_(static_cast<std::size_t>(classes)),
        mean_(width_),
        scale_(width_) {
    if (labels.empty() || width < 1 || x.size() != labels.size() * width_)
      fail("attack.130", "probe", "found ", x.size(), " numbers of ", labels.size(), " samples, expected ",
           width, " of each, and a sample");
    standardise(x);
    const std::size_t inputs = hidden_ > 0 ? hidden_ : width_;
    first_ = {layer_of(width_, hidden_, options.seed, 0), {}, {}};
    last_ = {layer_of(inputs, classes_, options.seed, 1), {}, {}};
    fit(x, labels, options);
  }

  /// The class of one sample.
  [[nodiscard]] int answer(const float* x) {
    forward(x);
    return static_cast<int>(std::max_element(z_.begin(), z_.end()) - z_.begin());
  }

 private:
  // Weights (outputs, inputs), then biases; gradients and moments beside them.
  struct map {
    std::vector<float> w, gradient, moment{}, square{};
  };
  static std::vector<float> layer_of(std::size_t inputs, std::size_t outputs, std::uint64_t seed,
                                     std::uint64_t layer) {
    std::vector<float> w(outputs * (inputs + 1), 0.0F);
    const random_source drawn(seed, stream::attack, 100 + layer);
    const double deviation = std::sqrt(1 / static_cast<double>(inputs));
    for (std::size_t i = 0; i < outputs * inputs; ++i)
      w[i] = static_cast<float>(deviation * drawn.gaussian(i));
    return w;
  }
  void standardise(std::span<const float> x) {
    const std::size_t n = x.size() / width_;
    std::vector<double> sum(width_), squares(width_);
    for (std::size_t i = 0; i < x.size(); ++i) sum[i % width_] += static_cast<double>(x[i]);
    for (std::size_t j = 0; j < width_; ++j) mean_[j] = static_cast<float>(sum[j] / static_cast<double>(n));
    for (std::size_t i = 0; i < x.size(); ++i)
      squares[i % width_] += std::pow(static_cast<double>(x[i] - mean_[i % width_]), 2);
    for (std::size_t j = 0; j < width_; ++j) {
      const double deviation = std::sqrt(squares[j] / static_cast<double>(n));
      scale_[j] =
          deviation > 1e-12 ? static_cast<float>(1 / deviation) : 0.0F;  // what never changes tells nothing
    }
  }

  static void apply(const map& m, const std::vector<float>& in, std::vector<float>& out) {
    for (std::size_t o = 0; o < out.size(); ++o) {
      const float* const w = m.w.data() + o * in.size();
      float sum = m.w[out.size() * in.size() + o];
      for (std::size_t i = 0; i < in.size(); ++i) sum += w[i] * in[i];
      out[o] = sum;
    }
  }
  void forward(const float* x) {
    x_.resize(width_), z_.resize(classes_);
    for (std::size_t j = 0; j < width_; ++j) x_[j] = (x[j] - mean_[j]) * scale_[j];
    if (hidden_ == 0) return apply(last_, x_, z_);
    h_.resize(hidden_);
    apply(first_, x_, h_);
    for (float& h : h_) h = std::max(h, 0.0F);
    apply(last_, h_, z_);
  }
  static void add_gradient(map& m, const std::vector<float>& in, const std::vector<float>& dout) {
    for (std::size_t o = 0; o < dout.size(); ++o) {
      float* const g = m.gradient.data() + o * in.size();
      for (std::size_t i = 0; i < in.size(); ++i) g[i] += dout[o] * in[i];
      m.gradient[dout.size() * in.size() + o] += dout[o];
    }
  }
  void backward(int label, float share) {
    dz_ = z_;
    const float most = *std::max_element(z_.begin(), z_.end());
    float sum = 0;
    for (float& d : dz_) sum += d = std::exp(d - most);
    for (std::size_t c = 0; c < classes_; ++c)
      dz_[c] = share * (dz_[c] / sum - (c == static_cast<std::size_t>(label) ? 1.0F : 0.0F));
    if (hidden_ == 0) return add_gradient(last_, x_, dz_);
    add_gradient(last_, h_, dz_);
    dh_.assign(hidden_, 0.0F);
    for (std::size_t c = 0; c < classes_; ++c)
      for (std::size_t i = 0; i < hidden_; ++i)
        dh_[i] += h_[i] > 0 ? dz_[c] * last_.w[c * hidden_ + i] : 0.0F;
    add_gradient(first_, x_, dh_);
  }
  static void update(map& m, std::size_t matrix, double t, const probe_options& o) {
    const double first = 1 - std::pow(0.9, t), second = 1 - std::pow(0.999, t);
    for (std::size_t i = 0; i < m.w.size(); ++i) {
      const float g = m.gradient[i] + (i < matrix ? static_cast<float>(2 * o.ridge) * m.w[i] : 0.0F);
      m.moment[i] += 0.1F * (g - m.moment[i]);
      m.square[i] += 0.001F * (g * g - m.square[i]);
      m.w[i] -= static_cast<float>(o.rate * static_cast<double>(m.moment[i]) / first /
                                   (std::sqrt(static_cast<double>(m.square[i]) / second) + 1e-8));
    }
  }
  void fit(std::span<const float> x, std::span<const int> labels, const probe_options& o) {
    const auto n = static_cast<index_t>(labels.size()), batch = std::min<index_t>(64, n);
    const index_t each = n / batch, epochs = std::max(o.epochs, (o.least_updates + each - 1) / each);
    for (map* m : {&first_, &last_}) m->moment.assign(m->w.size(), 0), m->square.assign(m->w.size(), 0);
    const random_source drawn(o.seed, stream::attack, 102);
    double t = 0;
    for (index_t u = 0; u < epochs * each; ++u) {
      for (map* m : {&first_, &last_}) m->gradient.assign(m->w.size(), 0);
      for (index_t i = 0; i < batch; ++i) {
        const std::size_t s =
            drawn.below(static_cast<std::uint64_t>(u * batch + i), static_cast<std::uint32_t>(n));
        forward(x.data() + s * width_);
        backward(labels[s], 1 / static_cast<float>(batch));
      }
      ++t;
      update(last_, classes_ * (hidden_ > 0 ? hidden_ : width_), t, o);
      if (hidden_ > 0) update(first_, hidden_ * width_, t, o);
    }
  }

  std::size_t width_, hidden_, classes_;
  std::vector<float> mean_, scale_;
  map first_{}, last_{};
  std::vector<float> x_, h_, z_, dz_, dh_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
