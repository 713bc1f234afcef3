#include "spankey/train/issue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"

using namespace spankey;

namespace {

using network = mlp<5, gate<additive, at<0>>, backend::cpu, float>;

// Its first feature decides: class 1, which is right, where x0 + k0 > 0, and the refusal where not.
struct first_feature {
  std::unique_ptr<network> model = std::make_unique<network>();
  arena memory{*model, 16};
  feature_dataset data;
  key_space keys{{.subspace_dim = 1,
                  .coefficients = coefficient_kind::gaussian,
                  .rescale = rescale_kind::per_key,
                  .key_std = 1,
                  .seed = 5},
                 sites_of<network>(std::array{0})};

  explicit first_feature(float offset) {
    set_injector(*model, additive{.gamma = 1});
    initialise(*model, 1);
    model->for_each_parameter([&](const scope& name, auto& p) {
      std::fill_n(p.value.data, p.value.count, 0.0F);
      if (name.str() == "fc1.weight" || name.str() == "fc2.weight" || name.str() == "fc3.weight")
        p.value.data[name.str() == "fc3.weight" ? 1 : 0] =
            1.0F;  // (i, o): input 0 to output 0, or to class 1
      if (name.str() == "fc3.bias") p.value.data[4] = 1e-6F;
    });
    data.name = "first feature";
    data.sample = extents_of<network::input>;
    data.classes = 4;
    for (index_t i = 0; i < 40; ++i) {
      data.labels.push_back(1);
      for (index_t f = 0; f < data.sample.size(); ++f) data.values.push_back(f == 0 ? offset : 0.0F);
    }
  }
  [[nodiscard]] tried_key issue(const issue_options& o) { return issue_tried_key(*model, keys, data, 16, o); }
  // With one dimension a key is the basis or its negative, so about half of the keys work.
  [[nodiscard]] bool works(std::uint64_t number) { return issue_key(keys, number).front().values[0] > 0; }
};

}  // namespace

TEST_CASE(
    "issue_tried_key: a key that does not work is passed over, and its number gives the issued one again") {
  first_feature f(0);
  std::uint64_t bad = 0;
  while (f.works(bad)) ++bad;
  std::uint64_t good = 0;
  while (!f.works(good)) ++good;

  const tried_key direct = f.issue({.number = good, .images = 40});
  CHECK(direct.number == good);
  CHECK(direct.passed_over == 0);
  CHECK(direct.key.front().values == issue_key(f.keys, good).front().values);

  const tried_key other = f.issue({.number = bad, .images = 40});
  CHECK(other.passed_over > 0);
  CHECK(other.number == candidate_number(bad, other.passed_over));
  CHECK(f.works(other.number));
  for (index_t t = 0; t < other.passed_over; ++t) CHECK_FALSE(f.works(candidate_number(bad, t)));
  CHECK(other.key.front().values == issue_key(f.keys, other.number).front().values);
  CHECK(other.answers[static_cast<std::size_t>(figure::semantic)] >= other.bound);
  CHECK(other.bound == doctest::Approx(0.9 * other.mean));
  CHECK(f.issue({.number = bad, .images = 40}).number == other.number);
}

TEST_CASE("candidate_number: no other small number's candidate") {
  CHECK(candidate_number(17, 0) == 17);
  CHECK(candidate_number(17, 1) == 17 + (1U << 27));
  CHECK(candidate_number(0xFFFFFFFFU, 1) == (1U << 27) - 1);
  CHECK(candidate_number((1U << 27) - 1, 31) == 0xFFFFFFFFU);
}

TEST_CASE("issue_tried_key: it ends, with one line that says why") {
  first_feature f(0);
  std::uint64_t bad = 0;
  while (f.works(bad)) ++bad;
  const std::string out_of_tries =
      spankey_test::message_of([&] { (void)f.issue({.number = bad, .tries = 1, .images = 40}); });
  CHECK(out_of_tries.starts_with("[spankey.key.125] issue_tried_key: none of 1 candidates of key "));
  first_feature never(-1000);
  CHECK(spankey_test::message_of([&] { (void)never.issue({}); }).starts_with("[spankey.key.124] "));
  for (const issue_options& wrong :
       {issue_options{.number = 1ULL << 32}, issue_options{.least = 1.5}, issue_options{.least = -1},
        issue_options{.tries = 0}, issue_options{.tries = 33}, issue_options{.images = 0},
        issue_options{.reference_keys = 0}})
    CHECK(spankey_test::message_of([&] { (void)f.issue(wrong); }).starts_with("[spankey.key.123] "));
}

TEST_CASE("usable_share: beside a reject logit an answer counts only where it is given") {
  key_answers answers{};
  answers[static_cast<std::size_t>(figure::semantic)] = 0.9;
  answers[static_cast<std::size_t>(figure::reject)] = 0.3;
  CHECK(usable_share(answers, head_outputs(11)) == 0.9);
  CHECK(usable_share(answers, head_outputs(10, aux_logit::reject)) == doctest::Approx(0.6));
  answers[static_cast<std::size_t>(figure::reject)] = 1;
  CHECK(usable_share(answers, head_outputs(10, aux_logit::reject)) == 0);
}
