#include "spankey/model/small_resnet.hpp"

#include <doctest/doctest.h>

#include "../testing/model_probe.hpp"
#include "spankey/inject/multiplicative.hpp"

using namespace spankey;

namespace {
template <class T = double>
using model = small_resnet<10, gate<multiplicative, at<0, 1, 2, 3>>, backend::reference, T>;
using with_aux = small_resnet<head_outputs(10, aux_logit::reject), gate<multiplicative, at<0, 1, 2, 3>>,
                              backend::reference, double>;
}  // namespace

TEST_CASE("small_resnet: gradients of all parameters together, of some alone, and of every site's key") {
  test::model_probe<model<>> probe(1, 1, 0.9F);
  probe.backward();
  const auto all = test::check_all_parameters(probe, 1e-7);
  INFO("all parameters: relative error ", all.error);
  CHECK(all.numeric_norm > 1);
  CHECK(all.error < 1e-6);
  test::check_parameters(
      probe,
      {"conv1.weight", "layer2.0.downsample.0.weight", "layer2.0.downsample.1.weight", "layer3.1.bn2.bias"},
      1, 1e-6, 1e-5);
  test::check_keys_along_direction(probe, 1e-7, 1e-5);
}

TEST_CASE(
    "small_resnet: gradients of the network as it is deployed, and of one that trains with running "
    "statistics") {
  for (const bool training : {false, true}) {
    test::model_probe<model<>> probe(1, 1, 0.9F);
    for (int i = 0; i < 50; ++i) probe.forward();  // running statistics near those of the batch
    probe.p.training = training;
    probe.p.statistics = batch_statistics::running;
    std::vector<double> before, after;
    const auto states = [&](std::vector<double>& to) {
      probe.model.for_each_state(
          [&](const scope&, auto& s) { to.insert(to.end(), s.value.data, s.value.data + s.count); });
    };
    states(before);
    probe.backward();
    const auto all = test::check_all_parameters(probe, 1e-7);
    CHECK(all.numeric_norm > 1);
    CHECK(all.error < 1e-6);
    test::check_keys_along_direction(probe, 1e-7, 1e-5);
    states(after);
    CHECK(after == before);
  }
}

TEST_CASE("small_resnet: gradients with a reject logit beside the classes") {
  test::model_probe<with_aux> probe(1, 1, 0.9F);
  probe.backward();
  const auto all = test::check_all_parameters(probe, 1e-7);
  CHECK(all.numeric_norm > 1);
  CHECK(all.error < 1e-6);
  test::check_parameters(probe, {"fc.weight", "fc_aux.weight", "fc_aux.bias"}, 2, 1e-6, 1e-6);
}

TEST_CASE("small_resnet: a stacked batch equals separate batches, running statistics in group order") {
  test::check_stacked_batch<model<>>(2, 1, 1e-12);
  test::check_stacked_batch<model<float>>(3, 1, 1e-4);
}

TEST_CASE("small_resnet: names, file shapes and number of parameters") {
  model<> m;
  const auto tensors = test::file_tensors(m);
  CHECK(std::vector<std::string>(tensors.begin(), tensors.begin() + 9) ==
        std::vector<std::string>{"conv1.weight (32,1,3,3)", "bn1.weight (32)", "bn1.bias (32)",
                                 "layer1.0.conv1.weight (32,32,3,3)", "layer1.0.bn1.weight (32)",
                                 "layer1.0.bn1.bias (32)", "layer1.0.conv2.weight (32,32,3,3)",
                                 "layer1.0.bn2.weight (32)", "layer1.0.bn2.bias (32)"});
  index_t expected = 32 * 9 + 2 * 32;                                     // stem
  expected += 4 * (32 * 32 * 9 + 2 * 32);                                 // stage 1
  expected += 64 * 32 * 9 + 3 * 64 * 64 * 9 + 64 * 32 + 5 * 2 * 64;       // stage 2
  expected += 128 * 64 * 9 + 3 * 128 * 128 * 9 + 128 * 64 + 5 * 2 * 128;  // stage 3
  expected += 128 * 10 + 10;
  CHECK(test::parameter_count(m) == expected);
  with_aux beside;
  CHECK(test::parameter_count(beside) == expected + 128 + 1);
}
