#include "spankey/layer/low_rank.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/layer/linear.hpp"
#include "spankey/layer/project.hpp"

using namespace spankey;

TEST_CASE("low_rank: gradients of x, weight, bias and both adapters") {
  test::layer_probe<low_rank<shape<5, 4, 1>, shape<3, 4, 1>, 2, backend::reference, double>> tokens(3);
  test::check_layer(tokens);
  test::layer_probe<low_rank<shape<3, 2, 2>, shape<4>, 2, backend::reference, double>> features(3);
  test::check_layer(features);
}

TEST_CASE("low_rank: what is frozen has no gradient, and dx is the same") {
  using layer_type = low_rank<shape<5, 4, 1>, shape<3, 4, 1>, 2, backend::reference, double>;
  layer_type all, adapters;
  const arena of_all(all, 2), of_adapters(adapters, 2);
  std::uint64_t seed = 1;
  for (auto part : {&layer_type::weight, &layer_type::bias_vector, &layer_type::a, &layer_type::b}) {
    const auto drawn = test::numbers((all.*part).dims.size(), seed++);
    for (layer_type* l : {&all, &adapters}) std::copy(drawn.begin(), drawn.end(), (l->*part).value.data);
  }
  adapters.weight.frozen = adapters.bias_vector.frozen = true;
  const auto x = test::numbers(40, 5), dy = test::numbers(24, 6);
  std::vector<double> dx(40), expected(40);
  all.forward({}, {x.data(), 2}), adapters.forward({}, {x.data(), 2});
  all.backward({}, {dy.data(), 2}, {expected.data(), 2});
  adapters.backward({}, {dy.data(), 2}, {dx.data(), 2});
  CHECK(dx == expected);
  for (index_t i = 0; i < 15; ++i) CHECK(adapters.weight.gradient.data[i] == 0);
  for (index_t i = 0; i < 10; ++i) {
    CHECK(adapters.a.gradient.data[i] != 0);
    CHECK(adapters.a.gradient.data[i] == all.a.gradient.data[i]);
  }
  for (index_t i = 0; i < 6; ++i) CHECK(adapters.b.gradient.data[i] == all.b.gradient.data[i]);
}

TEST_CASE("low_rank: names are those of the map and PEFT's; shapes in files fit the map's files") {
  low_rank_layer<backend::reference, double> layer({4, 6, 1}, {8, 6, 1}, {.inputs_first = true, .rank = 2});
  std::vector<std::string> names;
  std::vector<std::vector<index_t>> shapes;
  layer.for_each_parameter(
      [&](const scope& name, auto& p) {
        names.push_back(name.str());
        const auto found = p.dims.file_shape();
        shapes.emplace_back(found.begin(), found.begin() + p.dims.file_rank);
      },
      scope{nullptr, "c_attn"});
  CHECK(names == std::vector<std::string>{"c_attn.weight", "c_attn.bias", "c_attn.lora_A.weight",
                                          "c_attn.lora_B.weight"});
  CHECK(shapes == std::vector<std::vector<index_t>>{{4, 8}, {8}, {4, 2}, {2, 8}});
}

// Merged weights in a map without adapters: the same bits, also of features with a height and a width, and packed.
TEST_CASE_TEMPLATE("low_rank: a merged map computes the same bits", T, float, bf16) {
  low_rank<shape<19, 6, 1>, shape<70, 6, 1>, 8, backend::cpu, T> layer;
  project<shape<19, 6, 1>, 70, backend::cpu, T> merged;
  const arena memory(layer, 5), of_merged(merged, 5);
  std::uint64_t seed = 1;
  for (auto* p : {&layer.weight, &layer.bias_vector, &layer.a, &layer.b}) {
    const auto drawn = test::numbers(p->dims.size(), seed++);
    std::transform(drawn.begin(), drawn.end(), p->value.data, [](double v) { return static_cast<float>(v); });
  }
  add_low_rank(layer.weight.dims, 8, 2.0F, layer.a.value.data, layer.b.value.data, layer.weight.value.data,
               merged.weight.value.data);
  std::copy_n(layer.bias_vector.value.data, 70, merged.bias_vector.value.data);
  const auto drawn = test::numbers(5 * 19 * 6, 9);
  const std::vector<T> x(drawn.begin(), drawn.end());
  const auto y = layer.forward({}, {x.data(), 5}), expected = merged.forward({}, {x.data(), 5});
  bool same = true, moves = false;
  for (index_t i = 0; i < y.size(); ++i) {
    same = same && static_cast<float>(y.data()[i]) == static_cast<float>(expected.data()[i]);
    moves = moves || static_cast<float>(y.data()[i]) != 0;
  }
  CHECK(same);
  CHECK(moves);
  std::vector<float> packed(static_cast<std::size_t>(layer.packed_size())),
      of_map(static_cast<std::size_t>(merged.packed_size()));
  layer.use_packed(packed.data()), merged.use_packed(of_map.data());
  CHECK(packed == of_map);
  layer.use_packed(nullptr), merged.use_packed(nullptr);
}

// Forward and backward against the reference in double, over batches of any size.
TEST_CASE_TEMPLATE("low_rank: every batch size agrees with the reference", T, float, bf16) {
  low_rank<shape<19, 6, 1>, shape<70, 6, 1>, 8, backend::cpu, T> layer;
  low_rank<shape<19, 6, 1>, shape<70, 6, 1>, 8, backend::reference, double> expected;
  const arena memory(layer, 33), of_expected(expected, 33);
  const auto fill = [](auto& p, std::uint64_t seed) {
    const auto drawn = test::numbers(p.dims.size(), seed, -0.5, 0.5);
    for (index_t i = 0; i < p.dims.size(); ++i)
      p.value.data[i] = static_cast<float>(drawn[static_cast<std::size_t>(i)]);
  };
  fill(layer.weight, 1), fill(expected.weight, 1), fill(layer.bias_vector, 2), fill(expected.bias_vector, 2);
  fill(layer.a, 3), fill(expected.a, 3), fill(layer.b, 4), fill(expected.b, 4);
  const double precision = std::is_same_v<T, float> ? 1e-5 : 3e-2;
  for (const index_t n : {1, 2, 3, 7, 16, 33}) {
    CAPTURE(n);
    const auto drawn = test::numbers(n * 19 * 6, 5), upstream = test::numbers(n * 70 * 6, 6);
    const std::vector<T> x(drawn.begin(), drawn.end()), dy(upstream.begin(), upstream.end());
    const std::vector<double> wx(x.begin(), x.end()), wdy(dy.begin(), dy.end());
    std::vector<T> dx(x.size());
    std::vector<double> edx(x.size());
    const auto check = [&](const auto* found, const double* wanted, index_t count) {
      double worst = 0, largest = 0;
      for (index_t i = 0; i < count; ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(found[i]) - wanted[i]));
        largest = std::max(largest, std::abs(wanted[i]));
      }
      CHECK(largest > 0.1);
      CHECK(worst < precision * (1 + largest));
    };
    for (auto* p : {&layer.a, &layer.b}) std::fill_n(p->gradient.data, p->dims.size(), 0.0F);
    for (auto* p : {&expected.a, &expected.b}) std::fill_n(p->gradient.data, p->dims.size(), 0.0);
    check(layer.forward({}, {x.data(), n}).data(), expected.forward({}, {wx.data(), n}).data(), n * 70 * 6);
    layer.backward({}, {dy.data(), n}, {dx.data(), n});
    expected.backward({}, {wdy.data(), n}, {edx.data(), n});
    check(dx.data(), edx.data(), n * 19 * 6);
    check(layer.a.gradient.data, expected.a.gradient.data, 19 * 8);
    check(layer.b.gradient.data, expected.b.gradient.data, 8 * 70);
  }
}
