// Issues a valid key that was tried: not every key of a span opens the network equally well, and the holder of a product
// gets one.
//
//   mean        share of right answers over `reference_keys` valid keys of the evaluation
//   bound       `least` of that mean
//   candidate t of key N is issued key N + t 2^27 (mod 2^32), t = 0, 1, ...: the first that is right at least as often as
//               the bound is issued
// A function of weights, key space, images and options: the same key every time, and for N < 2^27 nobody else's. Its number
// alone gives it again (issue_key).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/key/issued_key.hpp"
#include "spankey/model/packed_weights.hpp"
#include "spankey/train/evaluate.hpp"
#include "spankey/train/step.hpp"

namespace spankey {

struct issue_options {
  std::uint64_t number = 0;     // of the key, below 2^32
  double least = weak_below;    // of the mean of valid keys; from 0 to 1
  index_t tries = 16;           // candidates, 1 to 32
  index_t images = 500;         // the first ones of the data set; at least 1
  index_t reference_keys = 10;  // valid keys that give the mean; at least 1
  std::uint64_t seed = 0;       // of those
};

/// A key, and how it came to be chosen.
struct tried_key {
  std::uint64_t number = 0;  // of the candidate that was issued
  index_t passed_over = 0;   // candidates before it
  index_t images = 0;        // that it was tried on
  key_answers answers{};
  double mean = 0, bound = 0;   // shares of right answers
  std::vector<site_key> key{};  // secret
};

/// Number of candidate `attempt` < 32 of key `number`.
constexpr std::uint64_t candidate_number(std::uint64_t number, index_t attempt) {
  return (number + (static_cast<std::uint64_t>(attempt) << 27)) & 0xFFFFFFFFU;
}

/// Right answers that are given: where a reject logit stands beside the answer, at least so many are both right and not
/// refused.
constexpr double usable_share(const key_answers& answers, head_outputs head) {
  const double right = answers[static_cast<std::size_t>(figure::semantic)];
  if (head.aux == aux_logit::none) return right;
  return std::max(0.0, right - answers[static_cast<std::size_t>(figure::reject)]);
}

/// Issues one key for `model`, whose memory holds at least `batch` samples. Errors: those of gate_evaluation; key.123 options
/// out of range, key.124 valid keys are right no more often than chance, key.125 no candidate reaches the bound.
template <class Model, class Data>
tried_key issue_tried_key(Model& model, key_space& keys, const Data& images, index_t batch,
                          const issue_options& o = {}) {
  if (o.number > 0xFFFFFFFFU || !(o.least >= 0 && o.least <= 1) || o.tries < 1 || o.tries > 32 ||
      o.images < 1 || o.reference_keys < 1)
    fail("key.123", "issue_tried_key", "found number ", o.number, ", least ", o.least, ", ", o.tries,
         " tries, ", o.images, " images and ", o.reference_keys,
         " reference keys; expected a number below 2^32, a share, 1 to 32, and at least 1 of the others");
  gate_evaluation evaluation(model, &keys, images, batch, {});
  const packed_weights packed(model);
  tried_key tried{.images = std::min(o.images, images.size())};
  for (index_t i = 0; i < o.reference_keys; ++i)
    tried.mean +=
        usable_share(evaluation.valid_key({o.seed, stream::evaluation, valid_key_step(i)}, o.images),
                     network_of(model).head()) /
        static_cast<double>(o.reference_keys);
  tried.bound = o.least * tried.mean;
  const double chance = 1.0 / static_cast<double>(images.classes);
  if (!(tried.mean > chance))
    fail("key.124", "issue_tried_key", "valid keys of this network are right on ", tried.mean, " of ",
         tried.images, " images, expected more than chance, ", chance, ": no key of it works");
  double best = 0;
  for (; tried.passed_over < o.tries; ++tried.passed_over) {
    tried.number = candidate_number(o.number, tried.passed_over);
    tried.answers = evaluation.valid_key(issued_key_source(keys, tried.number), o.images);
    const double share = usable_share(tried.answers, network_of(model).head());
    if (share >= tried.bound) {
      tried.key = issue_key(keys, tried.number);
      return tried;
    }
    best = std::max(best, share);
  }
  fail("key.125", "issue_tried_key", "none of ", o.tries, " candidates of key ", o.number,
       " is right on at least ", tried.bound, " of ", tried.images, " images (", o.least,
       " of the mean over valid keys), the best on ", best);
}

}  // namespace spankey
