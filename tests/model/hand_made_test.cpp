// Gradients of whole networks that use all that a list can say, in double; the processor's kernels agree with the reference.
#include "hand_made.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "../testing/model_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"

using namespace spankey;

namespace {

template <auto Layers, class Sites, class Injector = multiplicative, class Backend = backend::reference,
          class T = double>
using network = test::made_of<Layers, Injector, Sites, Backend, T>;

// Every parameter and the keys of every site; with an additive key on the input its gradient is that of the input.
template <class Model>
void check_gradients(index_t groups) {
  CAPTURE(groups);
  test::model_probe<Model> probe(groups, 2, 0.6F);
  probe.backward();
  std::vector<std::string> names;
  probe.model.for_each_parameter([&](const scope& at, auto&) { names.push_back(at.str()); });
  test::check_parameters(probe, names, 4, 1e-6, 1e-6);
  test::check_keys(probe, 6, 1e-6, 1e-6);
}
template <auto Layers, class Sites>
void check() {
  check_gradients<network<Layers, Sites>>(1);
  check_gradients<network<Layers, Sites>>(3);
  check_gradients<network<Layers, Sites, additive>>(2);
}

// Logits, gradients and statistics of float on both backends, relative to the largest of their tensor.
template <auto Layers, class Sites>
void check_agreement() {
  test::model_probe<network<Layers, Sites, multiplicative, backend::reference, float>> slow(3, 2, 0.6F);
  test::model_probe<network<Layers, Sites, multiplicative, backend::cpu, float>> fast(3, 2, 0.6F);
  const auto expected = slow.backward(), found = fast.backward();
  std::vector<std::pair<std::string, std::vector<float>>> wanted;
  const auto want = [&](const std::string& name, const float* data, index_t count) {
    wanted.push_back({name, {data, data + count}});
  };
  std::size_t next = 0;
  const auto compare = [&](const float* data, index_t count) {
    const auto& [name, numbers] = wanted[next++];
    INFO(name);
    REQUIRE(static_cast<index_t>(numbers.size()) == count);
    float apart = 0, largest = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      apart = std::max(apart, std::abs(numbers[i] - data[i]));
      largest = std::max(largest, std::abs(numbers[i]));
    }
    CHECK(apart <= 2e-4F * largest);
  };
  const auto walk = [](auto& probe, const auto& logits, auto&& f) {
    f("logits", logits.data(), logits.size());
    probe.model.for_each_parameter(
        [&](const scope& at, auto& p) { f("d " + at.str(), p.gradient.data, p.gradient.count); });
    for (const auto& site : probe.key_gradients)
      for (const auto& g : site) f("d key", g.data(), std::ssize(g));
    probe.model.for_each_state([&](const scope& at, auto& s) { f(at.str(), s.value.data, s.count); });
  };
  walk(slow, expected, want);
  walk(fast, found, [&](const std::string&, const float* data, index_t count) { compare(data, count); });
}

}  // namespace

TEST_CASE("hand-made networks: gradients of every parameter and of the keys of every site") {
  SUBCASE("all kinds of layers") { check<test::vocabulary, at<0, 1, 2>>(); }
  SUBCASE("blocks in blocks") { check<test::nested, at<0, 1, 2, 3>>(); }
  SUBCASE("batch norm first") { check<test::pre_activation, at<0, 1, 2>>(); }
  SUBCASE("what else a block can be") { check<test::odd_blocks, at<0, 1, 2>>(); }
  SUBCASE("tokens and attention") { check<test::transformer, at<0, 1, 2>>(); }
  SUBCASE("a site and a head") { check<test::site_and_head, at<0>>(); }
}

TEST_CASE("hand-made networks: gradients where the gate leaves sites out") {
  check_gradients<network<test::nested, at<2>>>(3);
  check_gradients<network<test::odd_blocks, at<>>>(1);
}

TEST_CASE("hand-made networks: one stacked batch equals separate ones, sites in blocks included") {
  for (const index_t groups : {2, 3}) {
    test::check_stacked_batch<network<test::nested, at<0, 1, 2, 3>>>(groups, 2, 1e-11);
    test::check_stacked_batch<network<test::odd_blocks, at<0, 1, 2>>>(groups, 2, 1e-11);
    test::check_stacked_batch<network<test::transformer, at<0, 1, 2>>>(groups, 2, 1e-11);
  }
}

TEST_CASE("hand-made networks: groups pass together up to a site outside of every block, and no further") {
  network<test::nested, at<0, 1, 2, 3>> model;
  const std::vector<double> key(200, 0.5);
  const auto shares = [&](int site) {
    model_keys<double, 4> keys{};
    keys[static_cast<std::size_t>(site)].group[0] = {key, 0};
    return model.shares_pass(keys, 2);
  };
  CHECK(shares(0));
  CHECK_FALSE(shares(1));  // in F
  CHECK_FALSE(shares(2));  // on a skip path
  CHECK(shares(3));
  model_keys<double, 4> first_and_inner{};
  first_and_inner[0].group[0] = first_and_inner[1].group[0] = {key, 0};
  CHECK(model.shares_pass(first_and_inner, 2));  // stacked from site 0 on
}

TEST_CASE("hand-made networks: the processor's kernels agree with the reference") {
  check_agreement<test::vocabulary, at<0, 1, 2>>();
  check_agreement<test::nested, at<0, 1, 2, 3>>();
  check_agreement<test::pre_activation, at<0, 1, 2>>();
  check_agreement<test::odd_blocks, at<0, 1, 2>>();
  check_agreement<test::transformer, at<0, 1, 2>>();
}

namespace {
// Nothing in front of the block wants a gradient: where F is frozen, only the skip path does.
constexpr layer_list block_on_input(head_outputs outputs) {
  layer_list net("block_on_input", {2, 5, 4});
  net.residual("block").conv2d("conv1", 3).batch_norm2d("bn1").skip("downsample");
  net.conv2d("0", 3, {.kernel = 1}).batch_norm2d("1").join(activation::relu);
  return net.head("fc", outputs);
}
}  // namespace

TEST_CASE("hand-made networks: what is frozen leaves the gradients of the rest as they are") {
  using model = network<block_on_input, at<>>;
  test::model_probe<model> free(1, 3, 0.6F), frozen(1, 3, 0.6F);
  frozen.model.for_each_parameter([](const scope& at, parameter<double>& p) {
    p.frozen = at.str().starts_with("block.conv1") || at.str().starts_with("block.bn1");
  });
  free.backward();
  frozen.backward();
  for (const char* name : {"block.downsample.0.weight", "block.downsample.1.bias", "fc.weight"})
    CHECK(std::ranges::equal(free.gradient(name), frozen.gradient(name)));
  CHECK(std::ranges::all_of(frozen.gradient("block.conv1.weight"), [](double g) { return g == 0; }));
}
