// Costs 3 s to compile.
#include "spankey/infer/verdict.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>

using namespace spankey;
using infer::status;

namespace {

struct judged {
  status said;
  infer::verdict found;
  std::array<float, 4> logits;
};
// Three semantic classes and one output more: a reject class, or a reject logit.
judged judge(bool is_class, const std::array<float, 4>& z) {
  infer::image_header header;
  header.classes = 3, header.softmax = is_class ? 4 : 3, header.aux = is_class ? 0 : 1;
  const head_outputs outputs = is_class ? head_outputs(4) : head_outputs(3, aux_logit::reject);
  judged j{status::ok, {}, {9, 9, 9, 9}};
  j.said = infer::judge(header, outputs, z.data(), j.logits, j.found);
  return j;
}

}  // namespace

TEST_CASE("a verdict: answered where a class beats the reject class, or the reject logit is not above 0") {
  for (const bool is_class : {true, false}) {
    const judged answered = judge(is_class, {1, 3, 2, -1}), refused = judge(is_class, {1, 3, 2, 4});
    CHECK(answered.said == status::ok);
    CHECK_FALSE(answered.found.rejected);
    CHECK(answered.found.semantic_class == 1);
    CHECK(answered.logits == std::array<float, 4>{1, 3, 2, -1});
    CHECK(refused.found.rejected);
    CHECK(refused.found.semantic_class == 1);
  }
  CHECK_FALSE(judge(true, {1, 3, 2, 3}).found.rejected);  // a tie is an answer
  CHECK_FALSE(judge(false, {1, 3, 2, 0}).found.rejected);
}

TEST_CASE("a verdict: what is no number is a refusal, and nothing is written") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (std::size_t at = 0; at < 4; ++at) {
      std::array<float, 4> z = {1, 3, 2, -1};
      z[at] = bad;
      const judged j = judge(true, z);
      CHECK(j.said == status::logits_not_finite);
      CHECK(j.found.rejected);
      CHECK(j.logits == std::array<float, 4>{9, 9, 9, 9});
    }
}
