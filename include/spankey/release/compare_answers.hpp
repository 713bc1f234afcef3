// Whether a release answers as its network does: greedy texts, logits, and how far apart the distributions are.
//
//   KL = sum_t p (ln p - ln q), p of the network, q of the other, clipped at 0          of all outputs
//   top KL                      the same of the network's 32 likeliest outputs alone, both renormalised on them
// Of any two sessions of tokens with read, restart, position and context.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "spankey/core/finite.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// KL of softmax(z) from softmax(y), over the outputs of `over`.
inline double answer_kl(std::span<const float> z, std::span<const float> y,
                        std::span<const std::size_t> over) {
  const auto log_sum = [&](std::span<const float> logits) {
    double most = -1e300, sum = 0;
    for (const std::size_t i : over) most = std::max(most, static_cast<double>(logits[i]));
    for (const std::size_t i : over) sum += std::exp(static_cast<double>(logits[i]) - most);
    return most + std::log(sum);
  };
  const double of_z = log_sum(z), of_y = log_sum(y);
  double kl = 0;
  for (const std::size_t i : over) {
    const double log_p = static_cast<double>(z[i]) - of_z;
    kl += std::exp(log_p) * (log_p - (static_cast<double>(y[i]) - of_y));
  }
  return std::max(0.0, kl);
}

/// Sums over answers.
struct answer_comparison {
  static constexpr std::size_t top = 32;
  index_t answers = 0, same = 0;           // same: of the likeliest output
  double kl = 0, top_kl = 0, largest = 0;  // largest: change of a logit

  void add(std::span<const float> z, std::span<const float> y) {
    std::vector<std::size_t> over(z.size());
    std::iota(over.begin(), over.end(), std::size_t{0});
    kl += answer_kl(z, y, over);
    const std::size_t kept = std::min(top, over.size());
    std::partial_sort(over.begin(), over.begin() + static_cast<std::ptrdiff_t>(kept), over.end(),
                      [&](std::size_t a, std::size_t b) { return z[a] > z[b]; });
    top_kl += answer_kl(z, y, std::span(over).first(kept));
    ++answers;
    same +=
        std::max_element(z.begin(), z.end()) - z.begin() == std::max_element(y.begin(), y.end()) - y.begin();
    for (std::size_t i = 0; i < z.size(); ++i)
      largest = std::max(largest, std::abs(static_cast<double>(z[i]) - static_cast<double>(y[i])));
  }
  [[nodiscard]] double mean_kl() const { return answers == 0 ? 0 : kl / static_cast<double>(answers); }
  [[nodiscard]] double mean_top_kl() const {
    return answers == 0 ? 0 : top_kl / static_cast<double>(answers);
  }
};

/// Reads tokens on and on: a window that is full begins again with its second half.
template <class Session>
class endless_reader {
 public:
  explicit endless_reader(Session& session) : session_(session) { session.restart(); }

  std::span<const float> read(index_t token) {
    if (session_.position() == session_.context()) {
      session_.restart();
      window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(window_.size() / 2));
      for (const index_t again : window_) (void)session_.read(again);
    }
    window_.push_back(token);
    return session_.read(token);
  }

 private:
  Session& session_;
  std::vector<index_t> window_;
};

/// `count` tokens behind a prompt of one token at least, each the likeliest of the first `choices`.
template <class Session>
std::vector<index_t> greedy_text(Session& session, std::span<const index_t> prompt, index_t count,
                                 index_t choices) {
  endless_reader<Session> reader(session);
  std::span<const float> z;
  for (const index_t token : prompt) z = reader.read(token);
  std::vector<index_t> text;
  for (index_t i = 0; i < count; ++i) {
    text.push_back(arg_max(z.data(), choices));
    z = reader.read(text.back());
  }
  return text;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
