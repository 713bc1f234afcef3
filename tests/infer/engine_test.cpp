#include "spankey/infer/engine.hpp"

#include <doctest/doctest.h>

#include "infer/trained_network.hpp"
#include "spankey/backend/cpu/cpu.hpp"

using namespace spankey;
using test::check_session;

namespace {
template <template <head_outputs, class, class, class> class Model, class Sites>
void check_on_cpu(double tolerance) {
  using reject = Model<11, gate<runtime, Sites>, backend::cpu, float>;
  using beside = Model<head_outputs(10, aux_logit::reject), gate<runtime, Sites>, backend::cpu, float>;
  check_session<reject, float>(injector_kind::multiplicative, 10, tolerance);
  check_session<beside, float>(injector_kind::additive, 10, tolerance);
  check_session<reject, float>(injector_kind::reading, 10, tolerance);
  check_session<reject, bf16>(injector_kind::multiplicative, 10, 0.03);
  check_session<reject, std::int8_t>(injector_kind::multiplicative, 10, 0.03);
}
}  // namespace

TEST_CASE("engine: the kernels of a backend answer as the backend's own model does") {
  SUBCASE("mlp") { check_on_cpu<mlp, at<0, 1, 2>>(1e-5); }
  SUBCASE("small_cnn") { check_on_cpu<small_cnn, at<0, 1, 2>>(1e-5); }
  SUBCASE("small_resnet") { check_on_cpu<small_resnet, at<0, 1, 2, 3>>(1e-5); }
  SUBCASE("resnet18") { check_on_cpu<resnet18, at<0, 2, 3, 4>>(1e-5); }
}
