// What somebody sees of a network of tokens behind a K-OTG server: greedy answers, and how likely it finds a given one. Tokens are
// read one after another, with keys and values kept (infer/sized_session.hpp); the head is lock/kotg.hpp's, behind what the
// session does to its input.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/infer/sized_session.hpp"
#include "spankey/infer/sized_tables.hpp"
#include "spankey/lock/kotg.hpp"

namespace spankey {

/// A greedy answer without its end; margin: the least difference of the two largest logits on the way.
struct greedy_answer {
  std::vector<int> tokens;
  double margin = std::numeric_limits<double>::infinity();
};

template <class Backend>
class kotg_decoder {
 public:
  /// `list` and `image` (fp32) of the network without adapters, which both outlive it. Fails with lock.123 where the session
  /// takes none of them.
  kotg_decoder(const layer_list& list, std::span<const std::byte> image)
      : tables_(list), memory_(tables_.memory_bytes()), session_(tables_.tables()) {
    require(session_.open(image, memory_));
  }

  /// Reads the prompt, then what it answers itself, until `end`, or `most` tokens. `never`: tokens that it cannot choose.
  greedy_answer answer(const kotg_head<Backend>& head, kotg_session& gate, std::span<const int> prompt,
                       std::span<const int> never, int end, index_t most) {
    greedy_answer found;
    read(head, gate, prompt);
    while (static_cast<index_t>(found.tokens.size()) < most) {
      leave_out(never);
      const auto top = std::max_element(logits_.begin(), logits_.end());
      float second = -std::numeric_limits<float>::infinity();
      for (auto i = logits_.begin(); i != logits_.end(); ++i)
        if (i != top) second = std::max(second, *i);
      found.margin = std::min(found.margin, static_cast<double>(*top) - static_cast<double>(second));
      const int token = static_cast<int>(top - logits_.begin());
      if (token == end) break;
      found.tokens.push_back(token);
      read_one(head, gate, token);
    }
    return found;
  }
  /// Sum of -ln p of the answer's tokens behind the prompt, p being the softmax of the tokens that are not in `never`.
  double nats(const kotg_head<Backend>& head, kotg_session& gate, std::span<const int> prompt,
              std::span<const int> answer, std::span<const int> never = {}) {
    read(head, gate, prompt);
    double sum = 0;
    for (std::size_t i = 0; i < answer.size(); ++i) {
      leave_out(never);
      sum += log_sum() - static_cast<double>(logits_[static_cast<std::size_t>(answer[i])]);
      if (i + 1 < answer.size()) read_one(head, gate, answer[i]);
    }
    return sum;
  }
  /// Logits (V) behind a new window of these tokens, until the next call.
  std::span<const float> read(const kotg_head<Backend>& head, kotg_session& gate,
                              std::span<const int> tokens) {
    session_.restart();
    features_.resize(static_cast<std::size_t>(head.channels()));
    logits_.resize(static_cast<std::size_t>(head.outputs()));
    for (const int token : tokens) require(session_.read_features(token, features_));
    return answered(head, gate);
  }
  /// The same behind one token more.
  std::span<const float> read_one(const kotg_head<Backend>& head, kotg_session& gate, int token) {
    require(session_.read_features(token, features_));
    return answered(head, gate);
  }
  /// What the head was to read of the last token (C), after the session's transform.
  [[nodiscard]] std::span<const float> features() const { return features_; }
  [[nodiscard]] infer::sized_session<Backend, float>& session() { return session_; }

 private:
  static void require(infer::status s) {
    if (s != infer::status::ok) fail("lock.123", "kotg_decoder", infer::message_of(s));
  }
  std::span<const float> answered(const kotg_head<Backend>& head, kotg_session& gate) {
    gate.pass(features_.data());
    head.answer(features_.data(), logits_.data());
    return logits_;
  }

  void leave_out(std::span<const int> never) {
    for (const int token : never)
      logits_[static_cast<std::size_t>(token)] = -std::numeric_limits<float>::infinity();
  }
  // ln sum exp of the logits.
  [[nodiscard]] double log_sum() const {
    const double top = static_cast<double>(*std::max_element(logits_.begin(), logits_.end()));
    double sum = 0;
    for (const float z : logits_) sum += std::exp(static_cast<double>(z) - top);
    return top + std::log(sum);
  }

  infer::sized_tables<Backend, float> tables_;
  secret_vector<std::byte> memory_;
  infer::sized_session<Backend, float> session_;
  std::vector<float> features_, logits_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
