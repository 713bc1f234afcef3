#include "spankey/train/metrics.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using namespace spankey;
using doctest::Approx;

namespace {
double of(const key_answers& answers, figure f) { return answers[static_cast<std::size_t>(f)]; }

// Labels 0, 1, 2 in turn; a logit is 1 for the right class and 0 elsewhere, plus the class's offset.
template <class T>
struct labelled_logits {
  std::vector<T> logits;
  std::vector<int> labels;
  labelled_logits(int images, std::vector<T> offsets) {
    for (int i = 0; i < images; ++i) {
      labels.push_back(i % 3);
      for (int c = 0; c < static_cast<int>(offsets.size()); ++c)
        logits.push_back(offsets[static_cast<std::size_t>(c)] + (c == i % 3 ? T(1) : T(0)));
    }
  }
};
}  // namespace

TEST_CASE("wilson: known values") {
  struct known {
    double share, n, low, high;
  };
  // Wilson (1927) without continuity correction, as tabulated by R's binom::binom.wilson.
  for (const known& k : {known{0, 10, 0.0, 0.277533}, known{0.5, 10, 0.236593, 0.763407},
                         known{1, 10, 0.722467, 1.0}, known{0.1, 100, 0.0552291, 0.1743657}}) {
    CAPTURE(k.share);
    CHECK(wilson(k.share, k.n).low == Approx(k.low).epsilon(1e-5));
    CHECK(wilson(k.share, k.n).high == Approx(k.high).epsilon(1e-5));
  }
  for (int n = 1; n < 2000; ++n) {
    REQUIRE(wilson(0, n).low == 0);
    REQUIRE(wilson(1, n).high == 1);
    REQUIRE(wilson(0, n).high > wilson(0, n + 1).high);
    REQUIRE(wilson(0.5, n).low < 0.5);
  }
}

TEST_CASE("answer_counter: four figures that all differ") {
  // Class 0 is lifted by 10 and the reject class by 20, except that image 0 does not reject.
  labelled_logits<float> batch(6, {10, 0, 0, 20});
  batch.logits[3] = -100;
  answer_counter<float> counter(3, 4);
  counter.add(batch.logits.data(), batch.labels.data(), 6);
  const key_answers answers = counter.finish_key();
  CHECK(of(answers, figure::semantic) == Approx(1.0 / 6));
  CHECK(of(answers, figure::masked) == Approx(2.0 / 6));
  CHECK(of(answers, figure::calibrated) == 1.0);
  CHECK(of(answers, figure::reject) == Approx(5.0 / 6));
}

TEST_CASE("answer_counter: a reject logit beside the softmax refuses above 1/2 and hides no answer") {
  // Three classes and a reject logit, which would win every arg-max of all four.
  const float z[] = {5, 1, 0, 90, 1, 5, 0, 0, 0, 1, 5, -90, 5, 1, 0, 0.5F};
  const int labels[] = {0, 1, 0, 0};
  answer_counter<float> counter(3, head_outputs(3, aux_logit::reject));
  counter.add(z, labels, 4);
  const key_answers answers = counter.finish_key();
  CHECK(of(answers, figure::semantic) == 0.75);
  CHECK(of(answers, figure::masked) == 0.75);
  CHECK(of(answers, figure::calibrated) == 0.75);
  CHECK(of(answers, figure::reject) == 0.5);  // sigmoid(0) = 1/2 does not reject
}

TEST_CASE("answer_counter: an offset per class hides the answer from masked, not from calibrated") {
  for (const std::vector<float>& offsets :
       {std::vector<float>{0, 0, 0}, {50, 0, 0}, {0, 7, 0}, {-3, 100, 20}}) {
    const labelled_logits<float> batch(9, offsets);
    answer_counter<float> counter(3, 3);
    counter.add(batch.logits.data(), batch.labels.data(), 9);
    const key_answers answers = counter.finish_key();
    const bool hidden = offsets != std::vector<float>{0, 0, 0};
    CHECK(of(answers, figure::masked) == Approx(hidden ? 1.0 / 3 : 1.0));
    CHECK(of(answers, figure::semantic) == of(answers, figure::masked));
    CHECK(of(answers, figure::calibrated) == 1.0);
    CHECK(of(answers, figure::reject) == 0);
  }
}

TEST_CASE("answer_counter: calibration also undoes a scale per class") {
  labelled_logits<float> batch(9, {0, 0, 0});
  for (std::size_t i = 0; i < batch.logits.size(); ++i) batch.logits[i] *= i % 3 == 1 ? 0.01F : 1.0F;
  for (std::size_t i = 0; i < batch.logits.size(); i += 3) batch.logits[i] += 0.5F;
  answer_counter<float> counter(3, 3);
  counter.add(batch.logits.data(), batch.labels.data(), 9);
  const key_answers answers = counter.finish_key();
  CHECK(of(answers, figure::masked) == Approx(2.0 / 3));
  CHECK(of(answers, figure::calibrated) == 1.0);
}

TEST_CASE("answer_counter: a constant logit counts as deviation 1") {
  for (const float constant : {5.0F, 0.1F, -1e30F}) {
    const float z[] = {3, 0, constant, 0, 3, constant, 0, 0, constant};
    const int labels[] = {0, 1, 2};
    answer_counter<float> counter(3, 3);
    counter.add(z, labels, 3);
    CHECK(of(counter.finish_key(), figure::calibrated) == 1.0);
  }
  // Three times 0.1 is not 0.3 in double: a constant must not become noise.
  const double tenths[] = {3, 0, 0.1, 0, 3, 0.1, 0, 0, 0.1};
  const int in_turn[] = {0, 1, 2};
  answer_counter<double> exact(3, 3);
  exact.add(tenths, in_turn, 3);
  CHECK(of(exact.finish_key(), figure::calibrated) == 1.0);
  // One image: every logit is constant, and the first class wins.
  const float alone[] = {1, 2, 3};
  answer_counter<float> counter(3, 3);
  for (const int label : {0, 2}) {
    counter.add(alone, &label, 1);
    const key_answers answers = counter.finish_key();
    CHECK(of(answers, figure::calibrated) == (label == 0 ? 1.0 : 0.0));
    CHECK(of(answers, figure::masked) == (label == 2 ? 1.0 : 0.0));
  }
}

TEST_CASE("answer_counter: parts of a key add up, and keys do not mix") {
  labelled_logits<double> batch(12, {3, 0, 1, 2});
  for (std::size_t i = 0; i < batch.logits.size(); ++i)
    batch.logits[i] += 0.1 * static_cast<double>(i * i % 17);
  answer_counter<double> whole(3, 4), parts(3, 4);
  whole.add(batch.logits.data(), batch.labels.data(), 12);
  parts.add(batch.logits.data(), batch.labels.data(), 5);
  parts.add(batch.logits.data() + 5 * 4, batch.labels.data() + 5, 7);
  const key_answers first = whole.finish_key();
  CHECK(parts.finish_key() == first);
  whole.add(batch.logits.data(), batch.labels.data(), 12);
  CHECK(whole.finish_key() == first);
}

TEST_CASE("summarise: the worst key by what the gate should do") {
  const std::vector<key_answers> keys = {{0.2, 0.3, 0.4, 0.8}, {0.9, 0.7, 0.6, 0.1}, {0.4, 0.5, 0.5, 0.3}};
  struct wanted {
    gate_should purpose;
    key_answers worst;
  };
  for (const wanted& w : {wanted{gate_should::open, {0.2, 0.3, 0.4, 0.8}},
                          wanted{gate_should::stay_shut, {0.9, 0.7, 0.6, 0.1}}}) {
    const condition_summary summary = summarise(keys, 50, 120, w.purpose);
    CHECK(summary.keys == 3);
    CHECK(summary.images_per_key == 50);
    CHECK(summary.distinct_images == 120);
    for (std::size_t f = 0; f < w.worst.size(); ++f) {
      CAPTURE(figure_names[f]);
      const figure_summary& found = summary.figures[f];
      CHECK(found.worst == w.worst[f]);
      CHECK(found.mean == Approx((keys[0][f] + keys[1][f] + keys[2][f]) / 3));
      // 120 images, not 3 x 50 answers, are the trials.
      CHECK(found.bounds.low == wilson(found.mean, 120).low);
      CHECK(found.bounds.high == wilson(found.mean, 120).high);
    }
  }
  CHECK(summarise(keys, 50, 120, gate_should::open)[figure::reject].worst == 0.8);
}

TEST_CASE("summarise: weak keys are those below .9 of the mean") {
  const auto right = [](std::initializer_list<double> shares) {
    std::vector<key_answers> keys;
    for (const double share : shares) keys.push_back({share, 1, 1, 0});
    return summarise(keys, 10, 10, gate_should::open).weak;
  };
  CHECK(right({0.9, 0.9, 0.9, 0.9}) == 0);
  CHECK(right({1, 1, 1, 0.1}) == 0.25);
  CHECK(right({0, 0}) == 0);
  CHECK(right({0.95, 0.86, 0.95, 0.95}) == 0);     // .9 of .9275 is .835
  CHECK(right({0.95, 0.82, 0.95, 0.95}) == 0.25);  // .9 of .9175 is .826
}

TEST_CASE("figure_names: one for each figure, in order") {
  CHECK(figure_names[static_cast<std::size_t>(figure::semantic)] == "semantic");
  CHECK(figure_names[static_cast<std::size_t>(figure::masked)] == "masked");
  CHECK(figure_names[static_cast<std::size_t>(figure::calibrated)] == "calibrated");
  CHECK(figure_names[static_cast<std::size_t>(figure::reject)] == "reject");
}

TEST_CASE("answer_counter: logits that are no numbers are refusals, right in no figure, and counted") {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  for (const float wrong : {nan, infinity, -infinity}) {
    for (std::size_t column = 0; column < 4; ++column) {
      CAPTURE(column);
      // A reject class: image 1, whose label is the class that an arg-max over NaN answers with, has no answer.
      labelled_logits<float> batch(6, {0, 0, 0, 0.5F});
      batch.labels[1] = 0;
      batch.logits[4 + column] = wrong;
      answer_counter<float> counter(3, 4);
      counter.add(batch.logits.data(), batch.labels.data(), 6);
      const key_answers answers = counter.finish_key();
      CHECK(counter.not_finite() == 1);
      CHECK(of(answers, figure::semantic) == Approx(5.0 / 6));
      CHECK(of(answers, figure::masked) == Approx(5.0 / 6));
      CHECK(of(answers, figure::calibrated) == Approx(5.0 / 6));
      CHECK(of(answers, figure::reject) == Approx(1.0 / 6));
      // A reject logit beside three classes.
      labelled_logits<float> beside(6, {0, 0, 0, -1});
      beside.labels[1] = 0;
      beside.logits[4 + column] = wrong;
      answer_counter<float> with_logit(3, head_outputs(3, aux_logit::reject));
      with_logit.add(beside.logits.data(), beside.labels.data(), 6);
      const key_answers beside_answers = with_logit.finish_key();
      CHECK(with_logit.not_finite() == 1);
      CHECK(of(beside_answers, figure::semantic) == Approx(5.0 / 6));
      CHECK(of(beside_answers, figure::reject) == Approx(1.0 / 6));
    }
  }
  // All of them, with and without a way to refuse; and the next key begins anew.
  for (const index_t outputs : {3, 4}) {
    answer_counter<float> counter(3, outputs);
    const std::vector<float> none(static_cast<std::size_t>(2 * outputs), nan);
    const int labels[] = {0, 0};
    counter.add(none.data(), labels, 2);
    CHECK(counter.finish_key() == key_answers{0, 0, 0, 1});
    CHECK(counter.not_finite() == 2);
    const float good[] = {1, 0, 0, 0};
    counter.add(good, labels, 1);
    CHECK(counter.finish_key() == key_answers{1, 1, 1, 0});
    CHECK(counter.not_finite() == 0);
  }
  // In double the difference of two numbers may be none.
  const double far_apart[] = {1.5e308, 0, 0, -1.5e308, 0, 0};
  const int labels[] = {0, 0};
  answer_counter<double> counter(3, 3);
  counter.add(far_apart, labels, 2);
  CHECK(of(counter.finish_key(), figure::calibrated) == 0);
}
