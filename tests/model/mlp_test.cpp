#include "spankey/model/mlp.hpp"

#include <doctest/doctest.h>

#include "../testing/model_probe.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"

using namespace spankey;

namespace {
template <class P, class Sites = at<0, 1, 2>, class T = double>
using model = mlp<5, gate<P, Sites>, backend::reference, T>;

const std::vector<std::string> parameters = {"fc1.weight", "fc1.bias",   "fc2.weight",
                                             "fc2.bias",   "fc3.weight", "fc3.bias"};

template <class T = double>
using with_aux =
    mlp<head_outputs(5, aux_logit::reject), gate<multiplicative, at<0, 1, 2>>, backend::reference, T>;

template <class Model>
void check_model(index_t groups, const std::vector<std::string>& names) {
  test::model_probe<Model> probe(groups, 2, 0.9F);
  probe.backward();
  test::check_parameters(probe, names, 64, 1e-6, 1e-6);
  test::check_keys(probe, 64, 1e-6, 1e-6);
}
template <class P>
void check(index_t groups) {
  check_model<model<P>>(groups, parameters);
}
}  // namespace

TEST_CASE("mlp: gradients of every parameter and of every site's key") {
  SUBCASE("additive") { check<additive>(1); }
  SUBCASE("multiplicative, valid and invalid group") { check<multiplicative>(2); }
  SUBCASE("multiplicative, three groups") { check<multiplicative>(3); }
  SUBCASE("reject logit beside the classes, three groups") {
    auto names = parameters;
    names.insert(names.end(), {"fc_aux.weight", "fc_aux.bias"});
    check_model<with_aux<>>(3, names);
  }
}

TEST_CASE("mlp: a stacked batch equals separate batches") {
  for (const index_t groups : {1, 2, 3}) {
    test::check_stacked_batch<model<multiplicative>>(groups, 3, 1e-13);
    test::check_stacked_batch<model<additive, at<0, 1, 2>, float>>(groups, 2, 1e-5);
    test::check_stacked_batch<with_aux<float>>(groups, 2, 1e-5);
  }
}

TEST_CASE("mlp: names, file shapes and number of parameters") {
  model<additive> m;
  CHECK(test::file_tensors(m) == std::vector<std::string>{"fc1.weight (64,20)", "fc1.bias (64)",
                                                          "fc2.weight (32,64)", "fc2.bias (32)",
                                                          "fc3.weight (5,32)", "fc3.bias (5)"});
  CHECK(test::parameter_count(m) == 20 * 64 + 64 + 64 * 32 + 32 + 32 * 5 + 5);
  with_aux<> beside;
  const auto tensors = test::file_tensors(beside);
  CHECK(std::vector<std::string>(tensors.begin() + 4, tensors.end()) ==
        std::vector<std::string>{"fc3.weight (5,32)", "fc3.bias (5)", "fc_aux.weight (1,32)",
                                 "fc_aux.bias (1)"});
}
