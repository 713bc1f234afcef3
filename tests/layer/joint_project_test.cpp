#include "spankey/layer/joint_project.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/layer/project.hpp"

using namespace spankey;

namespace {
using window = shape<5, 3, 1>;
constexpr joint_outputs three{4, 2, 1};
class maps : public shaped<joint_project_layer<backend::reference, double>, window, shape<7, 3, 1>> {
 public:
  maps() : shaped(extents_of<window>, "block.0.q|k|v", three) {}
};
}  // namespace

TEST_CASE("joint project: gradients of x and of every map, which add up") {
  test::layer_probe<maps> probe(2);
  test::check_layer(probe);
}

TEST_CASE("joint project: maps side by side are what they are alone, packed or not; names are theirs") {
  maps layer;
  const arena memory(layer, 2);
  std::vector<std::string> names;
  std::uint64_t seed = 3;
  std::vector<std::vector<double>> weights;
  const scope outer{nullptr, "net"};
  layer.for_each_parameter(
      [&](const scope& at, auto& p) {
        names.push_back(at.str() + " " + std::to_string(p.dims.file_shape()[0]) + "," +
                        std::to_string(p.dims.file_shape()[1]));
        weights.push_back(test::numbers(p.dims.size(), ++seed));
        std::copy(weights.back().begin(), weights.back().end(), p.value.data);
      },
      scope{&outer, "block.0.q|k|v"});
  CHECK(names == std::vector<std::string>{"net.block.0.q.weight 4,5", "net.block.0.k.weight 2,5",
                                          "net.block.0.v.weight 1,5"});
  const auto x = test::numbers(2 * window::size, 1);
  const auto check = [&] {
    const auto y = layer.forward({}, {x.data(), 2});
    index_t first = 0;
    for (std::size_t m = 0; m < 3; first += three[m++])
      for (index_t row = 0; row < 6; ++row)
        for (index_t o = 0; o < three[m]; ++o) {
          double sum = 0;
          for (index_t c = 0; c < 5; ++c)
            sum += x[static_cast<std::size_t>(row * 5 + c)] *
                   weights[m][static_cast<std::size_t>(c * three[m] + o)];
          CHECK(y.data()[row * 7 + first + o] == doctest::Approx(sum));
        }
  };
  check();
  std::vector<double> packed(static_cast<std::size_t>(layer.packed_size()));
  layer.use_packed(packed.data());
  check();
  CHECK_THROWS_WITH(layer.forward({.training = true}, {x.data(), 2}), doctest::Contains("layer.103"));
}

namespace {

// y, dx and the gradients of the maps, of drawn numbers.
template <class Backend, class T>
std::vector<double> pass_of(const extents& in, const joint_outputs& outputs, index_t n) {
  joint_project_layer<Backend, T> layer(in, "q|k|v", outputs);
  const arena memory(layer, n);
  std::uint64_t seed = 3;
  layer.for_each_parameter(
      [&](const scope&, auto& p) {
        const auto drawn = test::numbers(p.dims.size(), ++seed);
        std::copy(drawn.begin(), drawn.end(), p.value.data);
        std::fill_n(p.gradient.data, p.dims.size(), 0);
      },
      scope{nullptr, "q|k|v"});
  const auto as = [](const std::vector<double>& from) { return std::vector<T>(from.begin(), from.end()); };
  const std::vector<T> x = as(test::numbers(n * in.size(), 1)),
                       dy = as(test::numbers(n * layer.out().size(), 2));
  std::vector<T> dx(x.size());
  std::vector<double> all;
  const auto keep = [&](const T* from, index_t count) { all.insert(all.end(), from, from + count); };
  layer_gradients<T> g{};
  keep(layer.forward({.training = true}, n, x.data(), nullptr), n * layer.out().size());
  std::vector<T> read = dy;
  g.dy = read.data(), g.dx = dx.data();
  layer.backward({.training = true}, n, g);
  keep(dx.data(), static_cast<index_t>(dx.size()));
  layer.for_each_parameter(
      [&](const scope&, auto& p) { all.insert(all.end(), p.gradient.data, p.gradient.data + p.dims.size()); },
      scope{nullptr, "q|k|v"});
  return all;
}

}  // namespace

TEST_CASE("joint project: where kernels need scratch, it is nobody else's") {
  const extents in{48, 64, 1};
  const joint_outputs outputs{40, 24, 24};
  using kernels = conv2d_kernels<backend::cpu, float>;
  const std::vector<double> expected = pass_of<backend::reference, double>(in, outputs, 3);
  const isa best = active_isa();
  index_t most = 0;
  for (const isa family : {isa::portable, best}) {
    use_isa(family);
    most = std::max(most, kernels::scratch_size({3 * 64, {48, 1, 1}, {40, 1, 1}, 1, 1, 0}));
    const std::vector<double> found = pass_of<backend::cpu, float>(in, outputs, 3);
    REQUIRE(found.size() == expected.size());
    double largest = 0;
    for (std::size_t i = 0; i < found.size(); ++i)
      largest = std::max(largest, std::abs(found[i] - expected[i]) / (1 + std::abs(expected[i])));
    CHECK(largest < 1e-4);
  }
  use_isa(best);
  CHECK(most > 0);
}

TEST_CASE("joint project: parts of a name") {
  using l = joint_project_layer<backend::reference, double>;
  CHECK(l::part_of_name("a.b.q|k|v", 0) == "q");
  CHECK(l::part_of_name("a.b.q|k|v", 1) == "k");
  CHECK(l::part_of_name("a.b.q|k|v", 2) == "v");
  CHECK(l::part_of_name("gate|up", 1) == "up");
}

TEST_CASE("project: a map without a bias has a weight alone") {
  project_layer<backend::reference, double> layer({5, 3, 1}, 2, {.shift = false});
  std::vector<std::string> names;
  layer.for_each_parameter([&](const scope& at, auto&) { names.push_back(at.str()); }, scope{nullptr, "o"});
  CHECK(names == std::vector<std::string>{"o.weight"});
  const arena memory(layer, 1);
  std::fill_n(layer.weight.value.data, 10, 1.0);
  const std::vector<double> x(15, 2.0);
  CHECK(layer.forward(pass{}, 1, x.data(), nullptr)[0] == 10);
}
