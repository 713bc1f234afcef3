// The loss of a stacked batch on the device agrees with the functors of the host, run as compute_gradients runs them:
// every deny mode, one to three groups, gradients overwritten, right answers counted, the weight read in device memory.
#include "spankey/backend/cuda/loss.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "device_tensor.hpp"
#include "spankey/backend/cuda/cuda.hpp"
#include "spankey/loss/deny/blend.hpp"
#include "spankey/loss/deny/entropy.hpp"
#include "spankey/loss/deny/margin_top.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/reject_head.hpp"
#include "spankey/loss/deny/runtime.hpp"
#include "spankey/loss/deny/sealed.hpp"
#include "spankey/train/step.hpp"

namespace {

using namespace agreement;
using namespace spankey;
using device::tensor;
using kernels = loss_kernels<backend::cuda, float>;

constexpr index_t classes = 5;

template <class Deny>
void check_agreement(const Deny& deny, deny_on on, index_t n) {
  CAPTURE(n);
  constexpr head_outputs head = Deny::outputs(classes);
  constexpr index_t width = head;
  using row = shape<width>;
  const objective<Deny> goal{.classes = classes, .weight = 0.3, .on = on, .deny = deny};
  const index_t groups = goal.groups(), count = groups * n * width;
  const std::vector<float> z = values(count, 1, 0, 2);
  std::vector<int> labels;
  for (index_t i = 0; i < n; ++i) labels.push_back(static_cast<int>(i % classes));

  std::vector<float> dz(z.size(), 0.0F);
  const batch_view<const float, row> logits(z.data(), groups * n);
  const batch_view<float, row> gradient(dz.data(), groups * n);
  const double cross = cross_entropy(group_of(logits, 0, groups), labels.data(), 1.0,
                                     group_of(gradient, 0, groups), head.softmax);
  double denied = 0;
  const double share = groups > 1 ? 1.0 / static_cast<double>(groups - 1) : 1;
  for (index_t g = 1; g < groups; ++g)
    denied += share * deny(deny_terms<float, row>{group_of(logits, 0, groups), group_of(logits, g, groups),
                                                  labels.data(), classes, group_of(gradient, 0, groups),
                                                  group_of(gradient, g, groups), groups - 1},
                           share * goal.weight);
  index_t correct = 0;
  for (index_t i = 0; i < n; ++i)
    correct += arg_max(logits.sample(i), head.softmax) == labels[static_cast<std::size_t>(i)] ? 1 : 0;

  const tensor<float> on_z(z), on_dz(count, 9.0F);
  const tensor<int> on_labels(labels);
  loss_problem p = loss_problem_of(head, goal, n);
  kernels::compute(p, on_z.data(), on_labels.data(), on_dz.data());
  const step_numbers found = kernels::fetch();
  CHECK(found.cross_entropy == doctest::Approx(cross).epsilon(1e-12));
  CHECK(found.deny == doctest::Approx(denied).epsilon(1e-12));
  CHECK(found.correct == static_cast<double>(correct));
  CHECK(difference(on_dz.host(), widened(dz)) < 1e-7);
  if (groups > 1 && n >= 17) {  // some margin is not kept: the denied rows do get gradients
    const std::vector<float> denied_rows(dz.begin() + n * width, dz.end());
    CHECK(difference(denied_rows, std::vector<double>(denied_rows.size())) > 1e-4);
  }

  // The same weight, from device memory.
  p.weight = 77;
  cuda::set_step_values({.deny_weight = goal.weight});
  const cuda::reading_step_values reading;
  const std::vector<float> before = on_dz.host();
  kernels::compute(p, on_z.data(), on_labels.data(), on_dz.data());
  CHECK(same_bits(on_dz.host(), before));
}

template <class Deny>
void check_everywhere(const Deny& deny) {
  for (const deny_on on : {deny_on::wrong, deny_on::wrong_and_none})
    for (const index_t n : {1, 3, 17, 300}) check_agreement(deny, on, n);
}

}  // namespace

TEST_CASE("cuda loss: no deny loss") { check_everywhere(no_deny{}); }
TEST_CASE("cuda loss: entropy") { check_everywhere(entropy{}); }
TEST_CASE("cuda loss: entropy_floor") { check_everywhere(entropy_floor{.gap = 0.1}); }
TEST_CASE("cuda loss: margin") { check_everywhere(margin{.margin1 = 1.5}); }
TEST_CASE("cuda loss: margin_top") { check_everywhere(margin_top{.margin1 = 1.5, .margin2 = 0.7}); }
TEST_CASE("cuda loss: reject_class") { check_everywhere(reject_class{}); }
TEST_CASE("cuda loss: reject_head") { check_everywhere(reject_head{}); }
TEST_CASE("cuda loss: sealed") { check_everywhere(sealed{.weight = 3}); }
TEST_CASE("cuda loss: a blend, and a choice at run time") {
  check_everywhere(entropy_and_margin{});
  check_everywhere(runtime_deny<entropy, margin_top>{margin_top{}});
  check_everywhere(blend<reject_class, entropy>{.parts = {}, .weights = {0.7, 0.2}});
}
TEST_CASE("cuda loss: a row that is no number is no right answer") {
  for (const float wrong :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> z = {wrong, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, wrong, 0, 0};
    const tensor<float> on_z(z), on_dz(std::ssize(z), 0.0F);
    const tensor<int> on_labels({0, 0, 2});
    kernels::compute(loss_problem_of(classes, objective<no_deny>{.classes = classes}, 3), on_z.data(),
                     on_labels.data(), on_dz.data());
    CHECK(kernels::fetch().correct == 1);
  }
}
