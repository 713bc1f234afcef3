// How far a network's answers are from turning over when its keys change, and which part of a key they hear.
//
//   M(x, k) = z_y - max over c != y of z_c        of the classes alone: a refusal hides a margin, and does not change it
//   M(x, k + s u) ~ M(x, k) + s g.u               g = dM/dk, u isotropic with a standard deviation of 1
//   P(the sign of M turns) ~ Q(|M| / (s |g|))     Q the upper tail of the normal law
// Measured beside it, with drawn u: where both agree, the network is as linear in its keys as the prediction says, and a small
// |g| means that it has learnt to ignore them (absorption). |g| is split at every site into what lies in the span of valid
// keys and what is orthogonal to it: of a network that hears every direction alike, m/d of |g|^2 lies in the span.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/random.hpp"
#include "spankey/data/sample_writer.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/train/gate_keys.hpp"
#include "spankey/train/step.hpp"

namespace spankey {

/// Under which key the margins are taken; every sample has its own.
enum class margin_base { valid_key, zero_key };

struct margin_options {
  margin_base base = margin_base::valid_key;
  index_t samples = 256;  // the first of the data set
  index_t draws = 16;     // of u, a sample
  double deviation = 0;   // s; 0: that of the keys
  std::uint64_t seed = 0;
};

/// Of one site: root mean squares over the samples.
struct site_sensitivity {
  int site = 0;
  index_t dimension = 0, size = 0;  // m, d
  double inside = 0, outside = 0;   // |g| in the span, and orthogonal to it
};

struct margin_tail {
  double margin = 0;     // mean
  double right = 0;      // share of samples with M > 0
  double predicted = 0;  // share whose sign turns
  double measured = 0;
  double deviation = 0;  // s
  std::vector<site_sensitivity> sites;
  std::vector<double> margins, predictions, turned;  // by sample: M, P, and the share of draws that turned it
};

/// The upper tail of the normal law.
inline double normal_upper_tail(double t) { return std::erfc(t / std::sqrt(2.0)) / 2; }

/// What margin_tail reads of a network, sample by sample.
template <class Model, class Data>
class margin_probe {
  using scalar = typename Model::scalar;

 public:
  /// `model` has memory for `batch` samples. Errors: train.111 to train.115 keys that do not fit the gate, memory.105 to
  /// memory.107, data.105 unless 1 <= samples <= data.size(), diagnose.103 unless there are 2 classes, 1 draw and a batch
  /// of 1 or more; of run(): diagnose.104 logits that are no numbers.
  margin_probe(Model& model, key_space& keys, const Data& data, index_t batch, const margin_options& o)
      : model_(model), keys_(keys), data_(data), options_(o), writer_(data, "margin_tail"), batch_(batch) {
    if (o.samples < 1 || o.samples > data.size())
      fail("data.105", data.name, "asked for ", o.samples, " samples, expected 1 to ", data.size());
    if (data.classes < 2 || o.draws < 1 || batch < 1)
      fail("diagnose.103", "margin_tail", "found ", data.classes, " classes, ", o.draws,
           " draws and a batch of ", batch, ", expected at least 2, 1 and 1");
    require_keys_of_gate(model, &keys, false, "margin_tail");
    require_written(model, batch, "margin_tail");
    for (const site& s : keys.sites()) {
      const auto size = static_cast<std::size_t>(batch * s.shape.size());
      base_.emplace_back(size), moved_.emplace_back(size), gradient_.emplace_back(size);
    }
    bound_.resize(model.site_shapes().size());
    if (options_.deviation <= 0) options_.deviation = static_cast<double>(keys.config().key_std);
  }

  margin_tail run() {
    margin_tail found;
    found.deviation = options_.deviation;
    for (std::size_t i = 0; i < keys_.sites().size(); ++i) {
      const subspace& span = keys_.subspace_of(static_cast<index_t>(i));
      found.sites.push_back({keys_.sites()[i].number, span.dimension(), span.size()});
    }
    for (index_t first = 0; first < options_.samples; first += batch_)
      add(first, std::min(batch_, options_.samples - first), found);
    const auto n = static_cast<double>(options_.samples);
    for (site_sensitivity& s : found.sites)
      s.inside = std::sqrt(s.inside / n), s.outside = std::sqrt(s.outside / n);
    for (std::size_t i = 0; i < found.margins.size(); ++i) {
      found.margin += found.margins[i] / n;
      found.right += found.margins[i] > 0 ? 1 / n : 0;
      found.predicted += found.predictions[i] / n;
      found.measured += found.turned[i] / n;
    }
    return found;
  }

 private:
  void add(index_t first, index_t n, margin_tail& found) {
    const index_t size = extents(data_.sample).size();
    x_.resize(static_cast<std::size_t>(n * size));
    for (index_t i = 0; i < n; ++i) writer_.write(first + i, x_.data() + i * size);
    draw_base(first, n);
    bind(base_, n, true);
    const std::vector<double> margins = forward(first, n, true);
    std::vector<double> squares(static_cast<std::size_t>(n));
    for (std::size_t s = 0; s < found.sites.size(); ++s) {
      const subspace& span = keys_.subspace_of(static_cast<index_t>(s));
      const index_t d = span.size();
      for (index_t i = 0; i < n; ++i) {
        const float* const g = gradient_[s].data() + i * d;
        double square = 0;
        for (index_t j = 0; j < d; ++j) square += static_cast<double>(g[j]) * static_cast<double>(g[j]);
        const double inside = square * span.energy_share(g);
        found.sites[s].inside += inside, found.sites[s].outside += square - inside;
        squares[static_cast<std::size_t>(i)] += square;
      }
    }
    std::vector<double> turned(margins.size());
    bind(moved_, n, false);
    for (index_t draw = 0; draw < options_.draws; ++draw) {
      move(first, n, draw);
      const std::vector<double> other = forward(first, n, false);
      for (std::size_t i = 0; i < margins.size(); ++i)
        turned[i] += (margins[i] > 0) != (other[i] > 0) ? 1 / static_cast<double>(options_.draws) : 0;
    }
    for (std::size_t i = 0; i < margins.size(); ++i) {
      const double spread = options_.deviation * std::sqrt(squares[i]);
      found.predictions.push_back(spread > 0 ? normal_upper_tail(std::abs(margins[i]) / spread) : 0);
    }
    found.margins.insert(found.margins.end(), margins.begin(), margins.end());
    found.turned.insert(found.turned.end(), turned.begin(), turned.end());
  }

  void draw_base(index_t first, index_t n) {
    if (options_.base == margin_base::zero_key) {
      for (auto& k : base_) std::fill(k.begin(), k.end(), 0.0F);
      return;
    }
    std::vector<float*> to;
    for (auto& k : base_) to.push_back(k.data());
    keys_.draw_valid({options_.seed, stream::diagnosis, static_cast<std::uint64_t>(first)}, n, to);
  }
  // moved = base + s u; u by sample, draw and site.
  void move(index_t first, index_t n, index_t draw) {
    for (std::size_t s = 0; s < moved_.size(); ++s) {
      const index_t d = keys_.sites()[s].shape.size();
      for (index_t i = 0; i < n; ++i) {
        const random_source noise(
            options_.seed, stream::diagnosis,
            (std::uint64_t{1} << 31) + static_cast<std::uint64_t>((first + i) * options_.draws + draw));
        const std::uint64_t from = static_cast<std::uint64_t>(s) << 40;
        for (index_t j = 0; j < d; ++j) {
          const auto at = static_cast<std::size_t>(i * d + j);
          moved_[s][at] =
              base_[s][at] +
              static_cast<float>(options_.deviation * noise.gaussian(from + static_cast<std::uint64_t>(j)));
        }
      }
    }
  }
  void bind(const std::vector<secret_vector<float>>& keys, index_t n, bool with_gradient) {
    for (std::size_t s = 0; s < keys.size(); ++s) {
      const site& at = keys_.sites()[s];
      const index_t d = at.shape.size();
      const auto count = static_cast<std::size_t>(n * d);
      auto& of_site = bound_[static_cast<std::size_t>(at.number)];
      of_site.group[0] = {{keys[s].data(), count}, d};
      of_site.gradient[0] = with_gradient ? std::span(gradient_[s].data(), count) : std::span<float>();
    }
  }
  // Margins under the keys that are bound; with their gradients in the keys.
  std::vector<double> forward(index_t first, index_t n, bool backward) {
    const index_t outputs = model_.head(), classes = data_.classes;
    const float* const logits = model_.forward(pass{}, x_.data(), n, bound_);
    std::vector<float> gradient(static_cast<std::size_t>(n * outputs));
    std::vector<double> margins;
    for (index_t i = 0; i < n; ++i) {
      const float* const z = logits + i * outputs;
      if (!all_finite(z, classes))  // which no comparison below would notice
        fail("diagnose.104", "margin_tail", "found logits of sample ", first + i, " that are no numbers");
      const index_t label = data_.label(first + i);
      index_t rival = -1;
      for (index_t c = 0; c < classes; ++c)
        if (c != label && (rival < 0 || z[c] > z[rival])) rival = c;
      margins.push_back(static_cast<double>(z[label]) - static_cast<double>(z[rival]));
      gradient[static_cast<std::size_t>(i * outputs + label)] = 1;
      gradient[static_cast<std::size_t>(i * outputs + rival)] = -1;
    }
    if (backward) {
      zero_gradients(model_);
      std::copy(gradient.begin(), gradient.end(), model_.logit_gradient(n));
      model_.backward(pass{}, n);
    }
    return margins;
  }

  Model& model_;
  key_space& keys_;
  const Data& data_;
  margin_options options_;
  sample_writer<Data, scalar> writer_;
  index_t batch_;
  std::vector<scalar> x_;
  std::vector<secret_vector<float>> base_, moved_, gradient_;
  std::vector<site_keys<float>> bound_;
};

/// Margins of a gated network on the host, which has 2 classes or more; its gradients are overwritten. Errors: those of
/// margin_probe.
template <class Model, class Data>
margin_tail tail_of_margins(Model& any_model, key_space& keys, const Data& data, index_t batch,
                            const margin_options& options = {}) {
  auto& model = network_of(any_model);
  return margin_probe<std::remove_reference_t<decltype(model)>, Data>(model, keys, data, batch, options)
      .run();
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
