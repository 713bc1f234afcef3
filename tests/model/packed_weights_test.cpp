// Packed weights change no bit of an answer, are read instead of the parameters, and keep training out.
#include "spankey/model/packed_weights.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/small_resnet.hpp"

using namespace spankey;

namespace {

template <class Backend, class T, head_outputs Outputs = 10>
struct fixture {
  using model_type = small_resnet<Outputs, gate<multiplicative, at<0>>, Backend, T>;
  using master = typename model_type::master;

  explicit fixture(index_t n) : samples(n), memory(model, n) {
    initialise(model, 1);
    const random_source random(2, stream::weights);
    for (std::size_t i = 0; i < static_cast<std::size_t>(n * model_type::input::size); ++i)
      x.push_back(static_cast<T>(random.gaussian(i)));
  }
  std::vector<master> answer(bool training = false) {
    const batch_view<const T, typename model_type::input> view(x.data(), samples);
    const auto z = model.forward({.groups = 1, .training = training}, view, {});
    return {z.data(), z.data() + z.size()};
  }
  index_t samples;
  model_type model;
  arena memory;
  std::vector<T> x;
};

template <class Backend, class T, head_outputs Outputs = 10>
void check(index_t samples) {
  fixture<Backend, T, Outputs> f(samples);
  const auto plain = f.answer();
  {
    const packed_weights packed(f.model);
    CHECK(f.answer() == plain);
    CHECK(spankey_test::id_of([&] { f.answer(true); }) == "layer.103");
  }
  CHECK_NOTHROW(f.answer(true));
}

}  // namespace

TEST_CASE("packed_weights: the same answers from packed weights, until they go") {
  for (const index_t samples : {1, 3, 16}) {
    check<backend::cpu, float>(samples);
    check<backend::cpu, bf16>(samples);
  }
  check<backend::reference, double>(1);
}

TEST_CASE("packed_weights: a head with a reject logit beside the classes") {
  constexpr head_outputs with_aux(10, aux_logit::reject);
  check<backend::cpu, float, with_aux>(3);
  check<backend::cpu, bf16, with_aux>(3);
}

TEST_CASE("packed_weights: convolutions read the packed copy while it lives") {
  fixture<backend::cpu, float> f(2);
  const packed_weights packed(f.model);
  const auto before = f.answer();
  parameter<float>& weight = f.model.parameter_of("conv1.weight");
  std::fill_n(weight.value.data, weight.dims.size(), 7.0F);
  CHECK(f.answer() == before);
}
