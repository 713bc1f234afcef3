#include "spankey/layer/residual.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

namespace {
// A block with the buffers that its model lends it, as one layer. Gradient: elements of a slot's sample.
template <class Block, index_t Gradient = std::max(Block::input::size, Block::output::size)>
class block_in_flow {
 public:
  using input = typename Block::input;
  using output = typename Block::output;
  Block block;

  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    block.for_each_layer(
        [&](const scope& name, auto& layer) {
          if constexpr (requires { layer.for_each_parameter(f, name); }) layer.for_each_parameter(f, name);
        },
        at);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    flow_.for_each_buffer(visit, at, samples);
    block.for_each_layer([&](const scope& name, auto& layer) { layer.for_each_buffer(visit, name, samples); },
                         at);
  }
  batch_view<const double, output> forward(const pass& p, batch_view<const double, input> x) {
    return block.forward(p, x);
  }
  void backward(const pass& p, batch_view<const double, output> dy, batch_view<double, input> dx) {
    flow_.restart();
    std::copy_n(dy.data(), dy.size(), flow_.template current<output>(dy.samples()).data());
    block.backward(p, dy.samples(), flow_);
    std::copy_n(flow_.template current<input>(dy.samples()).data(), dx.size(), dx.data());
  }

 private:
  gradient_flow<double> flow_{Gradient};
};

template <class In, index_t Out, index_t Stride>
using basic = basic_block<In, Out, Stride, backend::reference, double>;

template <class Block>
void check(index_t groups) {
  test::layer_probe<block_in_flow<Block>> probe(2 * groups, {.groups = groups, .training = true});
  test::check_layer(probe, 1e-6);
}

template <class Block>
std::vector<std::string> names_of(Block& block) {
  std::vector<std::string> names;
  block.for_each_layer([&](const scope& name, auto&) { names.push_back(name.str()); }, scope{nullptr, "b"});
  return names;
}
}  // namespace

TEST_CASE("basic_block: gradients of x and of every parameter") {
  SUBCASE("identity skip") { check<basic<shape<3, 3, 4>, 3, 1>>(1); }
  SUBCASE("identity skip, two groups") { check<basic<shape<2, 3, 3>, 2, 1>>(2); }
  SUBCASE("projection: more channels, half the image") { check<basic<shape<3, 4, 4>, 5, 2>>(1); }
  SUBCASE("projection: fewer elements after than before") { check<basic<shape<4, 5, 5>, 2, 2>>(1); }
  SUBCASE("projection: more channels, same image, more elements after than before") {
    check<basic<shape<2, 3, 3>, 5, 1>>(2);
  }
  SUBCASE("projection: odd image, three groups") { check<basic<shape<3, 5, 3>, 4, 2>>(3); }
}

TEST_CASE("residual_stage: gradients through two blocks") {
  using stage = residual_stage<shape<3, 4, 4>, 4, 2, backend::reference, double>;
  static_assert(stage::output::size < stage::input::size);  // it brings its own slots for the rest
  test::layer_probe<block_in_flow<stage, stage::output::size>> probe(2, {.groups = 1, .training = true});
  test::check_layer(probe, 1e-6);
}

TEST_CASE("basic_block: y = relu(main + x) with an identity skip") {
  basic<shape<2, 3, 3>, 2, 1> block;
  CHECK_FALSE(decltype(block)::projects);
  block_in_flow<basic<shape<2, 3, 3>, 2, 1>> layer;
  arena memory(layer, 1);
  // All weights 0: the main path is 0, so the block is relu(x).
  std::fill_n(layer.block.bn1.running_variance.value.data, 2, 1.0);
  std::fill_n(layer.block.bn2.running_variance.value.data, 2, 1.0);
  const auto x = test::numbers(18, 3);
  const auto y = layer.forward({}, {x.data(), 1});
  for (index_t i = 0; i < 18; ++i) CHECK(y.data()[i] == std::max(0.0, x[static_cast<std::size_t>(i)]));
}

TEST_CASE("basic_block: names are torchvision's") {
  basic<shape<3, 4, 4>, 3, 1> same;
  basic<shape<3, 4, 4>, 6, 2> projected;
  CHECK(names_of(same) == std::vector<std::string>{"b.conv1", "b.bn1", "b.conv2", "b.bn2"});
  CHECK(names_of(projected) ==
        std::vector<std::string>{"b.conv1", "b.bn1", "b.conv2", "b.bn2", "b.downsample.0", "b.downsample.1"});
}
