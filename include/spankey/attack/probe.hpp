// What numbers of a network tell of the labels: a linear map, or one with a hidden layer of ReLUs before it, that is fitted to them.
//
//   z = W h + b,  h = x or relu(V x + a)        minimises mean CE + ridge |W|^2 (and |V|^2), Adam, batches of 64
// x is standardised with means and deviations of the samples that it is fitted to. On the calling thread, by matrix products;
// several may be fitted at once.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/backend/cpu/blas.hpp"
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
      : width_(width),
        hidden_(options.hidden),
        classes_(classes),
        mean_(static_cast<std::size_t>(std::max<index_t>(0, width))),
        scale_(mean_.size()) {
    if (labels.empty() || width < 1 ||
        static_cast<index_t>(x.size()) != static_cast<index_t>(labels.size()) * width)
      fail("attack.130", "probe", "found ", x.size(), " numbers of ", labels.size(), " samples, expected ",
           width, " of each, and a sample");
    standardise(x);
    if (hidden_ > 0) first_ = drawn_map(width_, hidden_, options.seed, 0);
    last_ = drawn_map(hidden_ > 0 ? hidden_ : width_, classes_, options.seed, 1);
    x_.resize(static_cast<std::size_t>(batch_cap * width_));
    h_.resize(static_cast<std::size_t>(batch_cap * hidden_)), dh_ = h_;
    z_.resize(static_cast<std::size_t>(batch_cap * classes_));
    fit(x, labels, options);
  }

  /// The classes of samples of `width` numbers each.
  [[nodiscard]] std::vector<int> answers(std::span<const float> x) {
    const auto n = static_cast<index_t>(x.size()) / width_;
    std::vector<int> classes;
    for (index_t done = 0; done < n; done += batch_cap) {
      const index_t count = std::min(batch_cap, n - done);
      for (index_t i = 0; i < count; ++i) load(x.data() + (done + i) * width_, i);
      forward(count);
      for (index_t i = 0; i < count; ++i) {
        const float* const z = z_.data() + i * classes_;
        classes.push_back(static_cast<int>(std::max_element(z, z + classes_) - z));
      }
    }
    return classes;
  }

 private:
  static constexpr index_t batch_cap = 64;

  // Weights (outputs, inputs), then biases; gradients and moments beside them.
  struct map {
    index_t inputs = 0, outputs = 0;
    std::vector<float> w{}, gradient{}, moment{}, square{};

    [[nodiscard]] index_t matrix() const { return inputs * outputs; }
  };
  static map drawn_map(index_t inputs, index_t outputs, std::uint64_t seed, std::uint64_t layer) {
    map m{.inputs = inputs, .outputs = outputs};
    const auto size = static_cast<std::size_t>(m.matrix() + outputs);
    for (std::vector<float>* v : {&m.w, &m.gradient, &m.moment, &m.square}) v->assign(size, 0);
    const random_source drawn(seed, stream::attack, 100 + layer);
    const double deviation = std::sqrt(1 / static_cast<double>(inputs));
    for (index_t i = 0; i < m.matrix(); ++i)
      m.w[static_cast<std::size_t>(i)] =
          static_cast<float>(deviation * drawn.gaussian(static_cast<std::uint64_t>(i)));
    return m;
  }
  void standardise(std::span<const float> x) {
    const auto width = static_cast<std::size_t>(width_), n = x.size() / width;
    std::vector<double> sum(width), squares(width);
    for (std::size_t i = 0; i < x.size(); ++i) sum[i % width] += static_cast<double>(x[i]);
    for (std::size_t j = 0; j < width; ++j) mean_[j] = static_cast<float>(sum[j] / static_cast<double>(n));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto from_mean = static_cast<double>(x[i] - mean_[i % width]);
      squares[i % width] += from_mean * from_mean;
    }
    for (std::size_t j = 0; j < width; ++j) {
      const double deviation = std::sqrt(squares[j] / static_cast<double>(n));
      scale_[j] =
          deviation > 1e-12 ? static_cast<float>(1 / deviation) : 0.0F;  // what never changes tells nothing
    }
  }

  // Sample i of the batch.
  void load(const float* x, index_t i) {
    float* const to = x_.data() + i * width_;
    for (index_t j = 0; j < width_; ++j)
      to[j] = (x[j] - mean_[static_cast<std::size_t>(j)]) * scale_[static_cast<std::size_t>(j)];
  }
  static void apply(const map& m, index_t n, const float* in, float* out) {
    cpu::gemm(false, true, n, m.outputs, m.inputs, in, m.inputs, m.w.data(), m.inputs, 0, out, m.outputs);
    const float* const bias = m.w.data() + m.matrix();
    for (index_t i = 0; i < n; ++i)
      for (index_t o = 0; o < m.outputs; ++o) out[i * m.outputs + o] += bias[o];
  }
  void forward(index_t n) {
    if (hidden_ == 0) return apply(last_, n, x_.data(), z_.data());
    apply(first_, n, x_.data(), h_.data());
    for (float& h : h_) h = std::max(h, 0.0F);
    apply(last_, n, h_.data(), z_.data());
  }
  static void set_gradient(map& m, index_t n, const float* in, const float* dout) {
    cpu::gemm(true, false, m.outputs, m.inputs, n, dout, m.outputs, in, m.inputs, 0, m.gradient.data(),
              m.inputs);
    float* const bias = m.gradient.data() + m.matrix();
    std::fill_n(bias, m.outputs, 0.0F);
    for (index_t i = 0; i < n; ++i)
      for (index_t o = 0; o < m.outputs; ++o) bias[o] += dout[i * m.outputs + o];
  }
  // z_ becomes its gradient.
  void backward(index_t n, const std::vector<int>& labels) {
    for (index_t i = 0; i < n; ++i) {
      float* const z = z_.data() + i * classes_;
      const float most = *std::max_element(z, z + classes_);
      float sum = 0;
      for (index_t c = 0; c < classes_; ++c) sum += z[c] = std::exp(z[c] - most);
      for (index_t c = 0; c < classes_; ++c)
        z[c] =
            (z[c] / sum - (c == labels[static_cast<std::size_t>(i)] ? 1.0F : 0.0F)) / static_cast<float>(n);
    }
    if (hidden_ == 0) return set_gradient(last_, n, x_.data(), z_.data());
    set_gradient(last_, n, h_.data(), z_.data());
    cpu::gemm(false, false, n, hidden_, classes_, z_.data(), classes_, last_.w.data(), hidden_, 0, dh_.data(),
              hidden_);
    for (index_t i = 0; i < n * hidden_; ++i)
      if (!(h_[static_cast<std::size_t>(i)] > 0)) dh_[static_cast<std::size_t>(i)] = 0;
    set_gradient(first_, n, x_.data(), dh_.data());
  }
  static void update(map& m, double t, const probe_options& o) {
    const auto first = static_cast<float>(o.rate / (1 - std::pow(0.9, t)));
    const auto second = static_cast<float>(1 / (1 - std::pow(0.999, t)));
    const auto decay = static_cast<float>(2 * o.ridge);
    const auto matrix = static_cast<std::size_t>(m.matrix());
    for (std::size_t i = 0; i < m.w.size(); ++i) {
      const float g = m.gradient[i] + (i < matrix ? decay * m.w[i] : 0.0F);
      m.moment[i] += 0.1F * (g - m.moment[i]);
      m.square[i] += 0.001F * (g * g - m.square[i]);
      m.w[i] -= first * m.moment[i] / (std::sqrt(m.square[i] * second) + 1e-8F);
    }
  }
  void fit(std::span<const float> x, std::span<const int> labels, const probe_options& o) {
    const auto n = static_cast<index_t>(labels.size()), batch = std::min(batch_cap, n);
    const index_t each = n / batch, epochs = std::max(o.epochs, (o.least_updates + each - 1) / each);
    const random_source drawn(o.seed, stream::attack, 102);
    std::vector<int> chosen(static_cast<std::size_t>(batch));
    for (index_t u = 0; u < epochs * each; ++u) {
      for (index_t i = 0; i < batch; ++i) {
        const index_t s =
            drawn.below(static_cast<std::uint64_t>(u * batch + i), static_cast<std::uint32_t>(n));
        load(x.data() + s * width_, i);
        chosen[static_cast<std::size_t>(i)] = labels[static_cast<std::size_t>(s)];
      }
      forward(batch);
      backward(batch, chosen);
      for (map* m : {&first_, &last_})
        if (m->outputs > 0) update(*m, static_cast<double>(u + 1), o);
    }
  }

  index_t width_, hidden_, classes_;
  std::vector<float> mean_, scale_;
  map first_, last_;
  std::vector<float> x_, h_, dh_, z_;  // of a batch
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
