#include "spankey/model/small_cnn.hpp"

#include <doctest/doctest.h>

#include "../testing/model_probe.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"

using namespace spankey;

namespace {
template <class P, class T = double>
using model = small_cnn<10, gate<P, at<0, 1, 2>>, backend::reference, T>;

using with_aux = small_cnn<head_outputs(10, aux_logit::reject), gate<multiplicative, at<0, 1, 2>>,
                           backend::reference, double>;

template <class P>
void check(index_t groups) {
  test::model_probe<model<P>> probe(groups, 1, 0.9F);
  probe.backward();
  test::check_parameters(probe,
                         {"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc.weight", "fc.bias"},
                         6, 1e-7, 1e-6);
  test::check_keys(probe, 6, 1e-7, 1e-6);
}
}  // namespace

TEST_CASE("small_cnn: gradients of every parameter and of every site's key") {
  SUBCASE("additive") { check<additive>(1); }
  SUBCASE("multiplicative, three groups") { check<multiplicative>(3); }
  SUBCASE("reject logit beside the classes") {
    test::model_probe<with_aux> probe(2, 1, 0.9F);
    probe.backward();
    test::check_parameters(probe, {"conv2.bias", "fc.weight", "fc.bias", "fc_aux.weight", "fc_aux.bias"}, 6,
                           1e-7, 1e-6);
    test::check_keys(probe, 6, 1e-7, 1e-6);
  }
}

TEST_CASE("small_cnn: a stacked batch equals separate batches") {
  test::check_stacked_batch<model<multiplicative>>(2, 2, 1e-13);
  test::check_stacked_batch<model<additive, float>>(3, 1, 1e-5);
}

TEST_CASE("small_cnn: names, file shapes and number of parameters") {
  model<additive> m;
  CHECK(test::file_tensors(m) == std::vector<std::string>{"conv1.weight (16,1,3,3)", "conv1.bias (16)",
                                                          "conv2.weight (32,16,3,3)", "conv2.bias (32)",
                                                          "fc.weight (10,1568)", "fc.bias (10)"});
  CHECK(test::parameter_count(m) == 16 * 9 + 16 + 32 * 16 * 9 + 32 + 1568 * 10 + 10);
  with_aux beside;
  const auto tensors = test::file_tensors(beside);
  CHECK(std::vector<std::string>(tensors.begin() + 4, tensors.end()) ==
        std::vector<std::string>{"fc.weight (10,1568)", "fc.bias (10)", "fc_aux.weight (1,1568)",
                                 "fc_aux.bias (1)"});
}
