// A released MLP as one token's pass computes it: two or three products of a row with a matrix, in float.
//
//   z = W~ x - z~ of all series beside W_first x + b of the others      (inputs, S + F)
//   features: D / 1!, D^2 / 2!, ... each one multiplication from an earlier one; f(z) of the others; gated: all times W_up x
//   y = constant + features times their vectors                         (S order + F, outputs); gated: (S (order + 1) + F, outputs)
// In groups D is their u, and the powers are monomials (release/monomials.hpp).
// The matrix work is (order + 3) / 3 of a gated MLP's, and (order + 1) / 2 of an ungated one's, where every neuron is a series.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/reference/activation.hpp"
#include "spankey/release/release_product.hpp"
#include "spankey/release/taylor_mlp.hpp"

namespace spankey {

template <class Backend>
class taylor_pass {
 public:
  explicit taylor_pass(const taylor_mlp& r)
      : act_(r.act),
        group_(r.group),
        terms_(monomials(r.group, r.order)),
        inputs_(r.inputs),
        outputs_(r.outputs),
        series_(r.series()),
        rows_(r.rows()),
        hidden_(r.hidden()),
        gated_(r.gated()),
        first_(columns_of(r.first, r.rest.first)),
        bias_(static_cast<std::size_t>(hidden_)),
        constant_(r.constant),
        z_(bias_.size()) {
    for (index_t j = 0; j < series_; ++j) bias_[index(j)] = -r.point[index(j)];
    for (index_t j = series_; j < hidden_; ++j) bias_[index(j)] = r.rest.bias_of(j - series_);
    if (gated_) up_ = columns_of(r.up, r.rest.up), u_.resize(z_.size());
    constant_.resize(index(outputs_));
    vectors_ = r.value;
    vectors_.insert(vectors_.end(), r.coefficients.begin(), r.coefficients.end());
    vectors_.insert(vectors_.end(), r.rest.down.begin(), r.rest.down.end());
    features_.resize(vectors_.size() / index(outputs_));
    scratch_.resize(index(std::max(release_product<Backend>::scratch_size(inputs_, hidden_),
                                   release_product<Backend>::scratch_size(features(), outputs_))));
  }

  [[nodiscard]] index_t inputs() const { return inputs_; }
  [[nodiscard]] index_t outputs() const { return outputs_; }

  /// y (outputs) of one x (inputs).
  void run(const float* x, float* y) {
    multiply(inputs_, hidden_, x, first_, bias_.data(), z_.data());
    if (gated_) multiply(inputs_, hidden_, x, up_, nullptr, u_.data());
    float* next = features_.data();
    if (gated_) next = std::copy_n(u_.begin(), series_, next);
    const float* const begin = next;
    for (const monomial& term : terms_) {
      // The constant 1 of the ungated form is nowhere; of the gated one it is what a is multiplied with.
      const float* const before = term.parent >= 0 ? begin + term.parent * rows_
                                  : gated_         ? features_.data()
                                                   : nullptr;
      multiply_on(term, before, next);
      next += rows_;
    }
    const index_t others = hidden_ - series_;
    if (others > 0) activation_kernels<Backend, float>::forward(act_, others, z_.data() + series_, next);
    for (index_t j = 0; gated_ && j < others; ++j) next[j] *= u_[index(series_ + j)];
    multiply(features(), outputs_, features_.data(), vectors_, constant_.data(), y);
  }

 private:
  // next = before times the term's last variable, row by row; rows of a gated group share its variables.
  void multiply_on(const monomial& term, const float* before, float* next) const {
    const float each = 1.0F / static_cast<float>(term.divisor);
    const index_t copies = gated_ ? group_ : 1;
    for (index_t g = 0; g < rows_ / copies; ++g) {
      const float step = z_[index(g * group_ + term.variable)] * each;
      for (index_t row = g * copies; row < (g + 1) * copies; ++row)
        next[row] = before == nullptr ? step : before[row] * step;
    }
  }
  static std::size_t index(index_t i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] index_t features() const { return static_cast<index_t>(features_.size()); }
  // Rows of both, as the columns of one matrix (inputs, S + F).
  [[nodiscard]] std::vector<float> columns_of(const std::vector<float>& rows,
                                              const std::vector<float>& more) const {
    std::vector<float> made(index(inputs_ * hidden_));
    for (index_t j = 0; j < hidden_; ++j)
      for (index_t i = 0; i < inputs_; ++i)
        made[index(i * hidden_ + j)] =
            j < series_ ? rows[index(j * inputs_ + i)] : more[index((j - series_) * inputs_ + i)];
    return made;
  }
  void multiply(index_t in, index_t out, const float* x, const std::vector<float>& w, const float* b,
                float* y) {
    if (in == 0) return void(b == nullptr ? std::fill_n(y, out, 0.0F) : std::copy_n(b, out, y));
    release_product<Backend>::columns({in, out, x, w.data(), nullptr, b, y}, scratch_.data());
  }

  activation act_;
  index_t group_;
  std::vector<monomial> terms_;
  index_t inputs_, outputs_, series_, rows_, hidden_;
  bool gated_;
  std::vector<float> first_, up_, bias_, vectors_, constant_;
  std::vector<float> z_, u_, features_, scratch_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
