// One deny loss on random logits: gradients of both groups against central differences, += and the scale, float beside
// double, no samples. Outputs is the width of the rows, which may be wider than what the loss reads.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "spankey/core/random.hpp"
#include "spankey/loss/deny/deny.hpp"
#include "spankey/testing/gradient_check.hpp"

namespace spankey::test {

template <class T, index_t Outputs>
struct denied_batch {
  index_t classes, denied_groups = 1;
  std::vector<T> valid, denied, valid_gradient, denied_gradient;
  std::vector<int> labels;

  denied_batch(index_t semantic_classes, std::vector<T> valid_logits, std::vector<T> denied_logits,
               std::vector<int> sample_labels)
      : classes(semantic_classes),
        valid(std::move(valid_logits)),
        denied(std::move(denied_logits)),
        valid_gradient(valid.size(), T(0)),
        denied_gradient(denied.size(), T(0)),
        labels(std::move(sample_labels)) {}

  /// Logits uniform in [-reach, reach), labels in turn.
  static denied_batch random(index_t semantic_classes, index_t samples, double reach = 2) {
    const auto drawn = [&](std::uint64_t seed) {
      const random_source numbers(seed, stream::evaluation);
      std::vector<T> z(static_cast<std::size_t>(samples * Outputs));
      for (std::size_t i = 0; i < z.size(); ++i) z[i] = static_cast<T>(reach * (2 * numbers.uniform(i) - 1));
      return z;
    };
    std::vector<int> in_turn;
    for (index_t n = 0; n < samples; ++n) in_turn.push_back(static_cast<int>(n % semantic_classes));
    return {semantic_classes, drawn(1), drawn(2), in_turn};
  }

  [[nodiscard]] index_t samples() const { return static_cast<index_t>(labels.size()); }

  template <DenyLoss Loss>
  double operator()(const Loss& loss, double scale = 1) {
    const deny_terms<T, shape<Outputs>> terms{.valid = {valid.data(), samples()},
                                              .denied = {denied.data(), samples()},
                                              .labels = labels.data(),
                                              .classes = classes,
                                              .valid_gradient = {valid_gradient.data(), samples()},
                                              .denied_gradient = {denied_gradient.data(), samples()},
                                              .denied_groups = denied_groups};
    return loss(terms, scale);
  }
  /// The mean of term(row of valid logits, row of denied ones, label).
  template <class Term>
  double mean(Term&& term) const {
    double sum = 0;
    for (std::size_t n = 0; n < labels.size(); ++n)
      sum += term(valid.data() + n * Outputs, denied.data() + n * Outputs, labels[n]);
    return sum / static_cast<double>(labels.size());
  }
};

/// Entropy of the softmax of a row, by its definition.
inline double entropy_of(const double* z, index_t count) {
  double sum = 0, entropy = 0;
  for (index_t c = 0; c < count; ++c) sum += std::exp(z[c]);
  for (index_t c = 0; c < count; ++c) entropy -= std::exp(z[c]) / sum * std::log(std::exp(z[c]) / sum);
  return entropy;
}

/// -log of the probability of class c in the softmax of a row, by its definition.
inline double surprise_of(const double* z, index_t count, index_t c) {
  double sum = 0;
  for (index_t k = 0; k < count; ++k) sum += std::exp(z[k]);
  return -std::log(std::exp(z[c]) / sum);
}

enum class reads_valid { yes, no };

/// Logits and gradients of `samples` samples; `valid`: whether the loss has a gradient to the valid group.
template <index_t Outputs, DenyLoss Loss>
void check_deny_loss(const Loss& loss, index_t classes, index_t samples, reads_valid valid,
                     index_t denied_groups = 1) {
  INFO(samples, " samples, ", classes, " classes, ", Outputs, " logits");
  using batch = denied_batch<double, Outputs>;
  batch analytic = batch::random(classes, samples), numeric = analytic;
  analytic.denied_groups = numeric.denied_groups = denied_groups;
  const double value = analytic(loss, 0.3);
  CHECK(value == numeric(loss));  // the scale belongs to the gradient alone

  const auto scaled = [&] { return 0.3 * numeric(loss); };
  const auto denied = check_gradient(numeric.denied, analytic.denied_gradient, scaled, 256);
  CHECK(denied.numeric_norm > 1e-3);
  CHECK(denied.error < 1e-7);
  const auto other = check_gradient(numeric.valid, analytic.valid_gradient, scaled, 256);
  CHECK((other.numeric_norm > 1e-3) == (valid == reads_valid::yes));
  CHECK(other.error < 1e-7);

  const std::vector<double> once = analytic.denied_gradient, once_valid = analytic.valid_gradient;
  analytic(loss, 0.3);
  for (std::size_t i = 0; i < once.size(); ++i) {
    CHECK(analytic.denied_gradient[i] == doctest::Approx(2 * once[i]));
    CHECK(analytic.valid_gradient[i] == doctest::Approx(2 * once_valid[i]));
  }

  auto single = denied_batch<float, Outputs>::random(classes, samples);
  single.denied_groups = denied_groups;
  CHECK(single(loss, 0.3) == doctest::Approx(value).epsilon(1e-5));
  for (std::size_t i = 0; i < once.size(); ++i) {
    CHECK(std::abs(static_cast<double>(single.denied_gradient[i]) - once[i]) < 1e-6);
    CHECK(std::abs(static_cast<double>(single.valid_gradient[i]) - once_valid[i]) < 1e-6);
  }

  auto nobody = batch::random(classes, 0);
  CHECK(nobody(loss) == 0);
}

inline bool all_finite(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double v) { return std::isfinite(v); });
}

/// Logits of +-1e4 give a finite loss and finite gradients; a NaN among the denied logits that the loss reads gives
/// NaN, and an infinite one never crashes.
template <index_t Outputs, DenyLoss Loss>
void check_extremes(const Loss& loss, index_t classes, index_t reads) {
  const std::size_t column = static_cast<std::size_t>(reads);
  for (const double sign : {1.0, -1.0}) {
    auto batch = denied_batch<double, Outputs>::random(classes, 3);
    for (std::size_t i = 0; i < batch.denied.size(); ++i) {
      batch.denied[i] = (i % 2 == 0 ? sign : -sign) * 1e4;
      batch.valid[i] = -batch.denied[i];
    }
    CHECK(std::isfinite(batch(loss)));
    CHECK(all_finite(batch.denied_gradient));
    CHECK(all_finite(batch.valid_gradient));
  }
  auto batch = denied_batch<double, Outputs>::random(classes, 3);
  batch.denied[Outputs + column] = std::nan("");
  CHECK(std::isnan(batch(loss)));
  for (const double infinite : {HUGE_VAL, -HUGE_VAL}) {
    batch.denied[Outputs + column] = infinite;
    CHECK_NOTHROW(batch(loss));
  }
}

}  // namespace spankey::test
