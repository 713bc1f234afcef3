#include <doctest/doctest.h>

#include "../testing/model_probe.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/resnet18.hpp"

using namespace spankey;

namespace {
template <class T = double>
using model = resnet18<10, gate<multiplicative, at<0, 1, 2, 3, 4>>, backend::reference, T>;
}

TEST_CASE("resnet18: gradients of all parameters together, and of every site's key") {
  test::model_probe<model<>> probe(1, 1, 0.9F);
  probe.backward();
  const auto all = test::check_all_parameters(probe, 1e-7);
  INFO("all parameters: relative error ", all.error);
  CHECK(all.numeric_norm > 1);
  CHECK(all.error < 1e-6);
  test::check_keys_along_direction(probe, 1e-7, 1e-5);
}

TEST_CASE("resnet18: a stacked batch equals separate batches, running statistics in group order") {
  test::check_stacked_batch<model<float>>(2, 1, 1e-4);
}
