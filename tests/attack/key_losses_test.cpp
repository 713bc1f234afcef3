#include "spankey/attack/key_losses.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "golden/key_searches.hpp"

using namespace spankey;

namespace {

struct found {
  double loss;
  std::vector<float> dz;
};
found loss_of(key_loss kind, const std::vector<float>& logits, const head_outputs& head) {
  found f{0, std::vector<float>(logits.size(), 7.0F)};
  const auto n = static_cast<index_t>(logits.size()) / index_t{head};
  f.loss = loss_of_answers(kind, logits.data(), golden::labels.data(), n, 3, head, f.dz);
  return f;
}
void agree(key_loss kind, const golden::key_loss& expected) {
  const found f = loss_of(kind, golden::logits, 4);
  CHECK(f.loss == doctest::Approx(expected.loss).epsilon(1e-6));
  for (std::size_t i = 0; i < f.dz.size(); ++i)
    CHECK(static_cast<double>(f.dz[i]) == doctest::Approx(expected.slopes[i]).epsilon(1e-5).scale(1));
}

}  // namespace

TEST_CASE("key losses: labels, entropy and information maximisation are those of a reference in float64") {
  agree(key_loss::labels, golden::of_labels);
  agree(key_loss::entropy, golden::of_entropy);
  agree(key_loss::information, golden::of_information);
}

TEST_CASE(
    "key losses: a reject logit beside the softmax is passed, and without a refusal there is none to pass") {
  const std::vector<float> shut = {1, 0, 0, 5}, open = {1, 0, 0, -5};
  const head_outputs beside{3, aux_logit::reject};
  const found refused = loss_of(key_loss::labels, shut, beside),
              answered = loss_of(key_loss::labels, open, beside);
  CHECK(refused.loss == doctest::Approx(answered.loss + 5));
  CHECK(refused.dz[3] == 1);
  CHECK(answered.dz[3] == 0);
  CHECK(loss_of(key_loss::labels, {1, 0, 0}, 3).loss == doctest::Approx(answered.loss));
}
